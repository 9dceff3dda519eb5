"""Is a KVP daemon running, or about to: processes, units and udev rules below a made-up root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from datasource_hyperv_kvp.kvp.daemon import UNITS, Daemon, State, find, why_not_coming

DEBIAN_UNIT = """\
[Unit]
Description=Hyper-V key-value pair (KVP) daemon
DefaultDependencies=no
BindsTo=sys-devices-virtual-misc-vmbus\\x21hv_kvp.device
[Service]
ExecStart=/usr/sbin/hv_kvp_daemon -n
[Install]
WantedBy=multi-user.target
"""
SUSE_UNIT = """\
[Unit]
Description=Hyper-V KVP Protocol Daemon
[Service]
ExecStart=/usr/sbin/hv_kvp_daemon --no-daemon
[Install]
WantedBy=multi-user.target
"""
RULE = 'KERNEL=="vmbus/hv_kvp", TAG+="systemd", ENV{SYSTEMD_WANTS}+="hv-kvp-daemon.service"\n'


class Guest:
    """A root directory in which systemd runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "run/systemd/system").mkdir(parents=True)

    def write(self, path: str, text: str = "") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def link(self, path: str, target: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)

    def process(self, pid: int, comm: str, cmdline: str) -> None:
        self.write(f"proc/{pid}/comm", f"{comm}\n")
        self.write(f"proc/{pid}/cmdline", cmdline)

    def install(
        self, unit: str = "hv-kvp-daemon.service", text: str = DEBIAN_UNIT, lib: str = "lib"
    ) -> None:
        self.write("usr/sbin/hv_kvp_daemon")
        self.write(f"{lib}/systemd/system/{unit}", text)

    def find(self) -> Daemon:
        return find(self.root)


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path)


def test_nothing_there_is_absent(guest: Guest, tmp_path: Path) -> None:
    assert guest.find().state is State.ABSENT
    assert find(tmp_path / "nowhere").state is State.ABSENT


@pytest.mark.parametrize("name", ["hv_kvp_daemon", "hypervkvpd"])
def test_a_running_daemon_is_found_by_its_process(guest: Guest, name: str) -> None:
    guest.process(1, "systemd", "/sbin/init")
    guest.process(431, name, f"/usr/sbin/{name}\0-n\0")
    found = guest.find()
    assert found.state is State.RUNNING
    assert found.detail == f"{name} is running as process 431"


def test_a_dead_daemon_that_nobody_has_waited_for_is_not_running(guest: Guest) -> None:
    guest.process(431, "hv_kvp_daemon", "")
    assert guest.find().state is State.ABSENT


def test_another_program_that_was_told_its_name_is_not_running_it(guest: Guest) -> None:
    guest.process(431, "grep", "grep\0hv_kvp_daemon\0")
    assert guest.find().state is State.ABSENT


def test_a_process_that_ends_while_we_look_is_no_error(guest: Guest) -> None:
    (guest.root / "proc/77").mkdir(parents=True)
    assert guest.find().state is State.ABSENT


def test_a_disabled_unit_that_a_udev_rule_starts_is_expected(guest: Guest) -> None:
    guest.install()
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", f"# a comment\n{RULE}")
    found = guest.find()
    assert found.state is State.EXPECTED
    assert found.unit == "hv-kvp-daemon.service"
    assert "the udev rule 60-hyperv-daemons.rules" in found.detail
    assert not found.late


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", ["wants", "requires"])
def test_an_enabled_unit_is_expected(guest: Guest, unit: str, kind: str) -> None:
    guest.install(unit, lib="usr/lib")
    guest.link(
        f"etc/systemd/system/multi-user.target.{kind}/{unit}", f"/usr/lib/systemd/system/{unit}"
    )
    found = guest.find()
    assert (found.state, found.unit) == (State.EXPECTED, unit)
    assert "multi-user.target" in found.detail


def test_a_unit_that_nothing_starts_is_absent(guest: Guest) -> None:
    guest.install()
    assert guest.find().state is State.ABSENT


def test_a_rule_for_another_daemon_or_in_a_comment_starts_nothing(guest: Guest) -> None:
    guest.install()
    guest.write("lib/udev/rules.d/60-a.rules", RULE.replace("kvp", "vss"))
    guest.write("lib/udev/rules.d/60-b.rules", f"#{RULE}")
    guest.write("lib/udev/rules.d/60-c.rules", RULE.replace("hv-kvp-daemon", "hv-kvp-other"))
    assert guest.find().state is State.ABSENT


def test_a_rule_over_two_lines_and_with_several_units_counts(guest: Guest) -> None:
    guest.install()
    rule = RULE.replace(", TAG", ", \\\n  TAG").replace('+="hv-kvp', '+="other.service hv-kvp')
    guest.write("usr/lib/udev/rules.d/60-a.rules", rule)
    assert guest.find().state is State.EXPECTED


def test_a_rule_that_the_administrator_has_switched_off_does_not_count(guest: Guest) -> None:
    guest.install()
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", RULE)
    guest.link("etc/udev/rules.d/60-hyperv-daemons.rules", "/dev/null")
    assert guest.find().state is State.ABSENT


def test_a_masked_unit_will_not_come(guest: Guest) -> None:
    guest.install()
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", RULE)
    guest.link("etc/systemd/system/hv-kvp-daemon.service", "/dev/null")
    assert guest.find().state is State.ABSENT


def test_a_unit_whose_program_was_removed_will_not_come(guest: Guest) -> None:
    guest.install()
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", RULE)
    (guest.root / "usr/sbin/hv_kvp_daemon").unlink()
    assert guest.find().state is State.ABSENT


def test_units_count_only_where_systemd_runs(guest: Guest) -> None:
    guest.install()
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", RULE)
    os.removedirs(guest.root / "run/systemd/system")
    assert guest.find().state is State.ABSENT


def test_a_unit_is_found_through_links_that_are_absolute_in_the_guest(guest: Guest) -> None:
    guest.install("real.service")
    guest.link("etc/systemd/system/hv-kvp-daemon.service", "/lib/systemd/system/real.service")
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", RULE)
    assert guest.find().state is State.EXPECTED


def test_a_unit_with_default_dependencies_is_late_unless_a_drop_in_says_no(guest: Guest) -> None:
    unit = "hv_kvp_daemon.service"
    guest.install(unit, SUSE_UNIT, "usr/lib")
    guest.link(f"etc/systemd/system/multi-user.target.wants/{unit}", "whatever")
    assert guest.find().late
    guest.write(f"usr/lib/systemd/system/{unit}.d/a.conf", "[Unit]\nDefaultDependencies=no\n")
    assert not guest.find().late


@pytest.mark.parametrize(
    ("after", "late"),
    [
        ("network-online.target", True),
        ("systemd-remount-fs.service basic.target", True),
        ("network-pre.target", False),
        ("sys-devices-virtual-misc-vmbus\\x21hv_kvp.device", False),
    ],
)
def test_a_unit_that_waits_for_the_network_is_late_too(
    guest: Guest, after: str, late: bool
) -> None:
    guest.install(text=f"[Unit]\nDefaultDependencies=no\nAfter={after}\n")
    guest.write("lib/udev/rules.d/60-hyperv-daemons.rules", RULE)
    assert guest.find().late is late


EXPECTED = Daemon(State.EXPECTED, "hv-kvp-daemon.service")
LATE = Daemon(State.EXPECTED, "hv_kvp_daemon.service", late=True)


def _systemd(**states: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    return {
        "hv-kvp-daemon.service": states.get("daemon", {}),
        "hv_kvp_daemon.service": states.get("daemon", {}),
        "basic.target": states.get("basic", {}),
    }


@pytest.mark.parametrize(
    ("daemon", "systemd", "why"),
    [
        (EXPECTED, _systemd(), ""),
        (EXPECTED, _systemd(daemon={"ActiveState": "inactive"}), ""),
        (EXPECTED, _systemd(daemon={"ActiveState": "activating"}), ""),
        (
            EXPECTED,
            _systemd(daemon={"ActiveState": "failed"}),
            "hv-kvp-daemon.service has failed",
        ),
        (
            EXPECTED,
            _systemd(daemon={"ConditionResult": "no", "ConditionTimestampMonotonic": "0"}),
            "",
        ),
        (
            EXPECTED,
            _systemd(daemon={"ConditionResult": "no", "ConditionTimestampMonotonic": "81"}),
            "hv-kvp-daemon.service was skipped: one of its conditions is not met",
        ),
        (EXPECTED, _systemd(basic={"ActiveState": "inactive"}), ""),
        (
            LATE,
            _systemd(basic={"ActiveState": "inactive"}),
            "hv_kvp_daemon.service cannot start before we have finished",
        ),
        (LATE, _systemd(basic={"ActiveState": "active"}), ""),
        (LATE, _systemd(), ""),
    ],
)
def test_systemd_knows_why_an_expected_daemon_will_not_come(
    daemon: Daemon, systemd: Mapping[str, Mapping[str, str]], why: str
) -> None:
    assert why_not_coming(daemon, systemd.__getitem__) == why
