"""Unit files, drop-ins, masks and presets on a real root, with the distribution's systemctl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply.plan import File, Plan, Step
from datasource_hyperv_kvp.apply.presets import preset_entries, to_enable
from datasource_hyperv_kvp.apply.system_steps import (
    Dropin,
    KernelArguments,
    Labels,
    Presets,
    ThisBoot,
    Unit,
)
from tests.sandbox.apply.guest import STATE, ApplyGuest, text

AT = "$.systemd.units"
CUTS = Path(__file__).with_name("power_cuts.py")
SYSTEM = "/etc/systemd/system"
PRESET = "/etc/systemd/system-preset/20-ignition.preset"
SERVICE = "[Service]\nExecStart=/bin/true\n"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"


def unit(name: str, contents: str | None = None, *, mask: bool | None = None) -> Unit:
    return Unit(
        at=AT, name=name, contents=text(contents) if contents is not None else None, mask=mask
    )


def presets(*lines: str) -> Presets:
    return Presets(at=AT, units=lines)


def test_units_and_dropins_are_plain_files(guest: ApplyGuest) -> None:
    guest.sh(f"ln -s /opt/elsewhere {SYSTEM}/linked.service; ln -s /dev/null {SYSTEM}/off.service")
    dropins = (Dropin("10-a.conf", text("[Service]\nNice=5\n")), Dropin("20-empty.conf", text("")))
    guest.applied(
        Unit(at=AT, name="new.service", contents=text(SERVICE), dropins=dropins),
        Unit(at=AT, name="ssh.service", dropins=dropins),
        unit("linked.service", SERVICE),
        unit("off.service", SERVICE),
        unit("nothing.service"),
    )
    for name in ("new.service", "linked.service", "off.service"):
        assert guest.stat(f"{SYSTEM}/{name}") == "regular file 644 root root"
        assert guest.read(f"{SYSTEM}/{name}") == SERVICE
    assert guest.stat(f"{SYSTEM}/new.service.d") == "directory 755 root root"
    assert guest.read(f"{SYSTEM}/ssh.service.d/10-a.conf") == "[Service]\nNice=5\n"
    assert guest.stat(f"{SYSTEM}/new.service.d/20-empty.conf") == (
        "regular empty file 644 root root"
    )
    assert not guest.exists("/opt/elsewhere")
    assert not guest.exists(f"{SYSTEM}/nothing.service")


def test_masks(guest: ApplyGuest) -> None:
    guest.sh(
        f"cd {SYSTEM}; mkdir dir.service; touch dir.service/x; ln -s /dev/null masked.service;"
        " ln -s ../../../dev/null relative.service; ln -s /opt/x other.service"
    )
    guest.applied(
        unit("dir.service", mask=True),
        unit("new.service", SERVICE, mask=True),
        unit("masked.service", mask=False),
        unit("relative.service", mask=False),
        unit("other.service", mask=False),
        unit("absent.service", mask=False),
    )
    links = guest.sh(f"cd {SYSTEM}; for n in dir new relative other; do readlink $n.service; done")
    assert links.split() == ["/dev/null", "/dev/null", "../../../dev/null", "/opt/x"]
    assert not guest.exists(f"{SYSTEM}/masked.service")
    assert not guest.exists(f"{SYSTEM}/absent.service")


def test_enabling_and_disabling(guest: ApplyGuest) -> None:
    guest.sh(
        f"cd {SYSTEM}; for n in a on off also t@; do"
        f" printf '{SERVICE}{INSTALL}' > $n.service; done;"
        " echo Also=off.service >> also.service; ln -s /dev/null masked.service;"
        f" printf '{SERVICE}' > static.service; systemctl enable on.service;"
        " mkdir -p /etc/systemd/system-preset; printf 'enable before.service\\n' > " + PRESET
    )
    guest.applied(
        presets(
            *("enable t@b.service", "enable a.service", "disable on.service"),
            *("disable missing.service", "enable t@a.service", "enable masked.service"),
            *("enable static.service", "enable also.service", "enable absent.service"),
        )
    )
    assert guest.read(PRESET).splitlines() == [
        "enable before.service",
        "enable a.service",
        "enable absent.service",
        "enable also.service",
        "enable masked.service",
        "disable on.service",
        "enable static.service",
        "enable t@.service b a",
    ]
    wanted = guest.sh(f"ls {SYSTEM}/multi-user.target.wants").split()
    assert {"a.service", "also.service", "off.service", "t@a.service", "t@b.service"} <= {*wanted}
    assert "on.service" not in wanted
    assert guest.stat(PRESET) == "regular file 644 root root"


def test_a_disabled_unit_stays_disabled_although_debian_enables_by_default(
    guest: ApplyGuest,
) -> None:
    guest.sh(f"printf '{SERVICE}{INSTALL}' > {SYSTEM}/off.service")
    guest.applied(presets("disable off.service"))
    assert guest.sh("systemctl is-enabled off.service || true") == "disabled"
    # Nothing was disabled, so no preset says so, as with Ignition.
    assert not guest.exists(PRESET)


def test_what_goes_with_a_disabled_unit_is_no_line_of_the_presets(guest: ApplyGuest) -> None:
    guest.sh(
        f"cd {SYSTEM}; for n in a b c z; do printf '{SERVICE}{INSTALL}' > $n.service; done;"
        " echo Also=b.service >> a.service; echo Also=y.service >> z.service;"
        f" printf '{SERVICE}{INSTALL}' > y.service; systemctl enable a c z"
    )
    # In the order of the file: b goes with a, but y has had its turn when z's comes.
    off = presets(*(f"disable {name}.service" for name in "abyz"), "enable c.service")
    guest.applied(off)
    assert guest.read(PRESET).split("\n") == [
        *("disable a.service", "enable c.service", "disable y.service", "disable z.service"),
        "",
    ]
    wanted = guest.sh(f"cd {SYSTEM}/multi-user.target.wants; ls ?.service")
    assert wanted == "c.service"


def test_an_impossible_alias_stops_nothing(guest: ApplyGuest) -> None:
    guest.sh(f"printf '{SERVICE}{INSTALL}Alias=x.timer\\n' > {SYSTEM}/bad.service")
    result = guest.applied(presets("enable bad.service", "enable other.service"))
    assert "bad.service cannot be enabled" in result.err


def test_what_is_in_the_way_is_found_before_anything_is_written(guest: ApplyGuest) -> None:
    guest.sh(
        f"cd {SYSTEM}; mkdir -p dir.service b.service.d/x.conf; touch file.service.d;"
        f" mkdir -p {PRESET}"
    )
    assert guest.refused(
        unit("first.service", SERVICE),
        unit("dir.service", SERVICE),
        Unit(at=AT, name="b.service", dropins=(Dropin("x.conf", text("")),)),
        Unit(at=AT, name="file.service", dropins=(Dropin("x.conf", text("")),)),
        presets("enable first.service"),
    ) == sorted(
        [
            f"{AT}.contents: {SYSTEM}/dir.service is a directory",
            f"{AT}.dropins.0: {SYSTEM}/b.service.d/x.conf is a directory",
            f"{AT}.dropins.0: {SYSTEM}/file.service.d, above {SYSTEM}/file.service.d/x.conf, is no"
            " directory",
            f"{AT}: {PRESET} exists and is no regular file",
        ]
    )
    assert not guest.exists(f"{SYSTEM}/first.service")


def test_presets_are_appended_once_however_often_the_power_goes(guest: ApplyGuest) -> None:
    guest.sh(f"mkdir -p /etc/systemd/system-preset; echo 'enable x.service' > {PRESET}")
    steps: tuple[Step, ...] = (
        unit("a.service", SERVICE + INSTALL),
        presets("enable a.service"),
        # Fails only when it is applied: the unit is made first.
        File(at="$.f", path="/srv/f", user="nobody"),
        Labels(at="$"),
        ThisBoot(at="$"),
    )
    guest.applied(*steps)
    # What a power cut before the last line of the journal leaves.
    guest.sh(f'cd {STATE}; grep -v \'"done"\\|"finished"\' journal > j; mv j journal')
    guest.applied(*steps)
    assert guest.read(PRESET) == "enable x.service\nenable a.service\n"


def test_wherever_the_power_goes_the_next_boot_ends_the_same(guest: ApplyGuest) -> None:
    guest.sandbox.write("/boot/loader/entries/a.conf", "options quiet\n")
    guest.sandbox.write(PRESET, "enable x.service\n")
    guest.sh(
        f"cd {SYSTEM}; mkdir d.service; printf '{SERVICE}{INSTALL}' > on.service;"
        f" printf '{SERVICE}{INSTALL}' > over.service; echo Also=over.service >> on.service;"
        f" printf '{SERVICE}{INSTALL}Also=over.service\n' > back.service;"
        " systemctl enable on.service; ln -s /dev/null m.service"
    )
    dropins = (Dropin("x.conf", text("[Service]\nNice=5\n")), Dropin("y.conf", text("")))
    steps: tuple[Step, ...] = (
        KernelArguments(at="$", should_exist=("a=1",), should_not_exist=("quiet",)),
        Unit(at=AT, name="a.service", contents=text(SERVICE + INSTALL), dropins=dropins),
        unit("d.service", mask=True),
        unit("m.service", mask=False),
        unit("t@.service", SERVICE + INSTALL),
        presets(
            *("enable t@one.service", "disable on.service", "enable a.service"),
            *("disable over.service", "enable back.service"),
        ),
        Labels(at="$"),
        ThisBoot(at="$"),
    )
    guest.sandbox.write("/plan.json", Plan(steps).to_text())
    guest.sandbox.write("/cuts.py", CUTS.read_text())
    answer = json.loads(guest.sandbox.run(["python3", "/cuts.py"]).out)
    assert len(answer["points"]) > 20
    assert answer["differences"] == {}


@pytest.mark.parametrize(
    ("choices", "entries"),
    [
        ([("b.service", True), ("a.service", True)], ["a.service", "b.service"]),
        ([("t@x.service", True), ("t@a.service", True)], ["t@.service x a"]),
        ([("t@.service", True)], ["t@.service "]),
        ([("t@x.service", True), ("t@y.service", False)], ["t@.service y", "t@.service x"]),
        ([("a@b.c@d.service", True)], ["a@.service b.c@d"]),
    ],
)
def test_entries_of_presets_stand_in_ignitions_order(
    choices: list[tuple[str, bool]], entries: list[str]
) -> None:
    assert [entry for entry, _enable in preset_entries(choices)] == entries


def test_a_template_with_named_instances_has_no_default_one() -> None:
    choices = [("t@.service", True), ("t@a.service", True), ("s@.service", True)]
    assert to_enable(choices) == ("s@.service", "t@a.service")
