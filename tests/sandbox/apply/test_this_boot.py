"""The last step in a guest whose systemctl only writes down what it is asked: what is asked of a
running systemd, and that a reboot comes once. Real systemds are in the boot lab."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from datasource_hyperv_kvp.apply.frozen import replace
from datasource_hyperv_kvp.apply.plan import Contents, File, Step
from datasource_hyperv_kvp.apply.system_steps import (
    Dropin,
    KernelArguments,
    Labels,
    Presets,
    ThisBoot,
    Unit,
)
from tests.sandbox.apply.guest import STATE, ApplyGuest

AT = "$"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
SERVICE = f"[Service]\nExecStart=/bin/true\n{INSTALL}"
STARTER = "/run/systemd/system/ignition-units.target"

#: Offline questions go to the real one; a reboot is the end of whoever asked for it.
SYSTEMCTL = """#!/bin/sh
case "$*" in --root=*) exec /usr/bin/systemctl "$@" ;; esac
echo "systemctl $*" >> /asked
case "$*" in
    *list-jobs*) cat /states/jobs ;;
    show*) while [ "$1" != -- ]; do shift; done; shift
        for unit; do
            echo "Id=$unit"
            cat "/states/$unit" 2>/dev/null || echo LoadState=not-found
            echo
        done ;;
    *reboot) kill -9 $PPID ;;
esac
"""
OTHERS = (
    *("udevadm", "systemd-sysusers", "systemd-tmpfiles", "systemd-sysctl", "restorecon"),
    "netplan",
)


@pytest.fixture
def guest() -> Iterator[ApplyGuest]:
    with ApplyGuest() as guest:
        guest.sandbox.write("/usr/local/sbin/systemctl", SYSTEMCTL, mode=0o755)
        for name in OTHERS:
            script = f'#!/bin/sh\necho "{name} $*" >> /asked\n'
            guest.sandbox.write(f"/usr/local/sbin/{name}", script, mode=0o755)
        guest.sh(
            "rm -f /usr/lib/systemd/systemd-sysctl; mkdir -p /run/systemd/system /states;"
            " : > /run/systemd/private; : > /asked"
        )
        new_boot(guest, "boot-1")
        states(guest, {"multi-user.target": "LoadState=loaded"})
        yield guest


def new_boot(guest: ApplyGuest, name: str) -> None:
    place = "/proc/sys/kernel/random"
    guest.sh(f"mountpoint -q {place} || mount -t tmpfs boot {place}; echo {name} > {place}/boot_id")


def states(guest: ApplyGuest, units: Mapping[str, str], jobs: str = "multi-user.target") -> None:
    """What systemd says of units, and for which of them a start waits."""
    for name, text in units.items():
        guest.sandbox.write(f"/states/{name}", text + "\n")
    lines = [f"{number} {name} start waiting\n" for number, name in enumerate(jobs.split(), 1)]
    guest.sandbox.write("/states/jobs", "".join(lines))


def asked(guest: ApplyGuest) -> list[str]:
    """What was asked to change, in order."""
    lines = guest.read("/asked").splitlines()
    return [line for line in lines if " show " not in line and "list-jobs" not in line]


def unit(name: str) -> Unit:
    return Unit(at=AT, name=name, contents=Contents(SERVICE.encode()))


def file(path: str, text: str = "x\n") -> File:
    return File(at=AT, path=path, contents=Contents(text.encode()))


CLOSING: tuple[Step, ...] = (Labels(at=AT), ThisBoot(at=AT))


def test_units_are_started_together_and_nobody_waits(guest: ApplyGuest) -> None:
    wanted = "LoadState=loaded\nActiveState=inactive\nWantedBy=multi-user.target"
    states(guest, {"a.service": wanted, "b.service": wanted, "c.service": "LoadState=loaded"})
    presets = Presets(at=AT, units=("enable a.service", "enable b.service"))
    guest.applied(unit("a.service"), unit("b.service"), unit("c.service"), presets, *CLOSING)
    assert asked(guest) == [
        "systemctl daemon-reload",
        "systemctl --no-block start -- ignition-units.target",
    ]
    wants = [line for line in guest.read(STARTER).splitlines() if line.startswith("Wants=")]
    assert wants == ["Wants=a.service", "Wants=b.service"]


def test_what_runs_is_restarted_or_stopped(guest: ApplyGuest) -> None:
    runs = "LoadState=loaded\nActiveState=active\nType=simple"
    states(guest, {"a.service": runs, "b.service": runs})
    dropin = Dropin("x.conf", Contents(b"[Service]\nNice=1\n"))
    guest.applied(
        Unit(at=AT, name="a.service", dropins=(dropin,)),
        Unit(at=AT, name="b.service", mask=True),
        *CLOSING,
    )
    assert asked(guest)[1:] == [
        "systemctl --no-block stop -- b.service",
        "systemctl --no-block try-restart -- a.service",
    ]


def test_a_cycle_with_cloud_init_is_found_in_a_plain_file_too(guest: ApplyGuest) -> None:
    text = f"[Unit]\nAfter=cloud-init.target\n[Service]\nExecStart=/bin/true\n{INSTALL}"
    late = replace(file("/etc/systemd/system/late.service", text), at="$.storage.files.0")
    (finding,) = guest.refused(late, Presets(at=AT, units=("enable late.service",)), *CLOSING)
    assert finding.startswith("$.storage.files.0: late.service makes an ordering cycle")


def test_each_reader_is_told(guest: ApplyGuest) -> None:
    guest.applied(
        file("/etc/udev/rules.d/x.rules"),
        file("/etc/sysctl.d/x.conf"),
        file("/etc/sysusers.d/x.conf"),
        file("/etc/tmpfiles.d/x.conf"),
        file("/etc/systemd/logind.conf.d/x.conf"),
        file("/etc/netplan/x.yaml"),
        *CLOSING,
    )
    assert asked(guest) == [
        "systemd-sysusers /etc/sysusers.d/x.conf",
        "systemd-tmpfiles --create --remove --boot /etc/tmpfiles.d/x.conf",
        "systemd-sysctl ",
        "udevadm control --reload",
        "udevadm trigger --type=subsystems --action=add",
        "udevadm trigger --type=devices --action=add",
        "netplan generate",
        "systemctl --no-block try-restart systemd-networkd.service",
        "systemctl --no-block try-restart NetworkManager.service",
        "systemctl --no-block try-restart systemd-logind.service",
    ]


def test_files_that_nobody_has_read_need_nothing(guest: ApplyGuest) -> None:
    guest.applied(file("/srv/x"), *CLOSING)
    assert asked(guest) == []


def test_what_only_a_boot_reads_brings_one_reboot(guest: ApplyGuest) -> None:
    plan = (file("/etc/systemd/system.conf.d/x.conf"), unit("a.service"), *CLOSING)
    cut = guest.apply(*plan)
    assert cut.code != 0
    assert "one reboot is needed: /etc/systemd/system.conf.d/x.conf" in cut.err
    assert asked(guest) == ["systemctl --no-block reboot"]
    new_boot(guest, "boot-2")
    guest.applied(*plan)
    assert guest.result()["status"] == "applied"
    guest.applied(*plan)
    assert asked(guest) == ["systemctl --no-block reboot"]


def test_changed_kernel_arguments_bring_one_reboot(guest: ApplyGuest) -> None:
    guest.sandbox.write("/boot/loader/entries/a.conf", "options quiet\n")
    plan = (KernelArguments(at=AT, should_exist=("certainly=new",)), *CLOSING)
    assert guest.apply(*plan).code != 0
    assert asked(guest) == ["systemctl --no-block reboot"]
    assert "certainly=new" in guest.read("/boot/loader/entries/a.conf")
    # This kernel still runs without it; that must be no reason for a second reboot.
    new_boot(guest, "boot-2")
    guest.applied(*plan)
    assert asked(guest) == ["systemctl --no-block reboot"]


def test_a_power_cut_before_the_reboot_is_as_good_as_the_reboot(guest: ApplyGuest) -> None:
    plan = (file("/etc/systemd/system.conf.d/x.conf"), *CLOSING)
    guest.sandbox.write("/usr/local/sbin/systemctl", "#!/bin/sh\nkill -9 $PPID\n", mode=0o755)
    guest.apply(*plan)
    guest.sandbox.write("/usr/local/sbin/systemctl", SYSTEMCTL, mode=0o755)
    new_boot(guest, "boot-2")
    guest.applied(*plan)
    assert asked(guest) == []


def test_selinux_labels_what_was_made_from_the_first_missing_component(guest: ApplyGuest) -> None:
    guest.sh(
        "mkdir -p /etc/selinux /fake/fs/selinux; echo SELINUX=enforcing > /etc/selinux/config;"
        " cp -a /sys/. /fake/ 2>/dev/null || true; : > /fake/fs/selinux/enforce;"
        " mount --bind /fake /sys"
    )
    guest.applied(file("/srv/new/deep/file"), file("/etc/plain"), unit("a.service"), *CLOSING)
    (call,) = [line for line in guest.read("/asked").splitlines() if "restorecon" in line]
    paths = "/etc/plain /etc/systemd/system/a.service /srv/new"
    assert call == f"restorecon -R -i -- {paths}"


def test_without_systemd_nothing_is_asked(guest: ApplyGuest) -> None:
    guest.sh("rm /run/systemd/private")
    guest.applied(file("/etc/modprobe.d/x.conf"), unit("a.service"), *CLOSING)
    assert asked(guest) == []
    assert guest.exists(f"{STATE}/result.json")
