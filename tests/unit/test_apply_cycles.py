"""Ordering cycles with cloud-init, found in unit files of cloud-init as Debian ships it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply.cycles import findings
from datasource_hyperv_kvp.apply.plan import Contents
from datasource_hyperv_kvp.apply.system_steps import Dropin, Unit
from datasource_hyperv_kvp.apply.unit_files import UnitFiles, parse
from tests.tools.rootfs import RELEASES, make_rootfs

EXEC = "[Service]\nExecStart=/bin/true\n"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture(params=list(RELEASES))
def root(request: pytest.FixtureRequest) -> Path:
    return make_rootfs(request.param)


def unit(name: str, contents: str) -> Unit:
    return Unit(at="$.systemd.units.0", name=name, contents=Contents(contents.encode()))


def found(root: Path, *units: Unit, choices: Mapping[str, bool] | None = None) -> list[str]:
    disk = UnitFiles((root / "etc/systemd/system", root / "usr/lib/systemd/system"))
    wanted = {unit.name: True for unit in units} if choices is None else choices
    return [finding.message for finding in findings(units, wanted, disk)]


@pytest.mark.parametrize("order", ["cloud-init.target", "cloud-final.service"])
def test_a_unit_that_waits_for_cloud_inits_end_and_that_it_waits_for(
    root: Path, order: str
) -> None:
    (message,) = found(root, unit("a.service", f"[Unit]\nAfter={order}\n{EXEC}{INSTALL}"))
    assert message.startswith("a.service makes an ordering cycle with cloud-init: a.service after ")
    assert message.endswith(" after a.service")
    assert "multi-user.target" in message


def test_a_unit_before_cloud_init_that_waits_for_the_base_system(root: Path) -> None:
    text = f"[Unit]\nBefore=cloud-init-local.service\n{EXEC}{INSTALL}"
    (message,) = found(root, unit("early.service", text))
    assert "cloud-init-local.service" in message


@pytest.mark.parametrize(
    "text",
    [
        EXEC + INSTALL,
        f"[Unit]\nAfter=network-online.target\nWants=network-online.target\n{EXEC}{INSTALL}",
        f"[Unit]\nAfter=multi-user.target\n{EXEC}{INSTALL}",
        f"[Unit]\nAfter=cloud-init.target\n{EXEC}[Install]\nWantedBy=cloud-init.target\n",
        f"[Unit]\nDefaultDependencies=no\nBefore=cloud-init-local.service\n{EXEC}{INSTALL}",
        f"[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n{EXEC}"
        "[Install]\nWantedBy=sysinit.target\n",
        f"[Unit]\nAfter=cloud-config.service\n{EXEC}{INSTALL}",
    ],
)
def test_units_without_a_cycle(root: Path, text: str) -> None:
    assert found(root, unit("a.service", text)) == []


def test_a_unit_that_nobody_enables_is_in_no_boot(root: Path) -> None:
    text = f"[Unit]\nAfter=cloud-init.target\n{EXEC}{INSTALL}"
    assert found(root, unit("a.service", text), choices={}) == []


def test_a_dropin_can_close_a_cycle(root: Path) -> None:
    dropin = Dropin("x.conf", Contents(b"[Unit]\nAfter=cloud-final.service\n"))
    units = Unit(at="$.systemd.units.0", name="ssh.service", dropins=(dropin,))
    (message,) = found(root, units, choices={})
    assert "ssh.service" in message


def test_an_instance_of_a_template(root: Path) -> None:
    template = unit("t@.service", f"[Unit]\nAfter=cloud-init.target\n{EXEC}{INSTALL}")
    (message,) = found(root, template, choices={"t@a.service": True})
    assert "t@a.service" in message


def test_unit_files_are_read_as_systemd_reads_them() -> None:
    text = "# x\n[Unit]\nAfter=a.service \\\n b.service\nDefaultDependencies=no\n"
    parsed = parse("t@i.service", [text, "[Unit]\nWants=x-%i.target\n[Install]\nWantedBy=y.target"])
    assert parsed.after == {"a.service", "b.service"}
    assert parsed.pulls == {"x-i.target"}
    assert parsed.wanted_by == {"y.target"}
    assert not parsed.default_dependencies
