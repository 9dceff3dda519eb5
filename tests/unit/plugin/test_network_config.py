"""What cloud-init's own code says of a network-config before it is handed over."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudinit.net import eni, netplan, networkd
from pytest_mock import MockerFixture

from datasource_hyperv_kvp.network_config import made_up, objection

DHCP = "version: 2\nethernets: {eth0: {dhcp4: true}}\n"

#: Stands in for netplan: keeps what it is given, and fails if that has the word "bad" in it.
NETPLAN = """
import pathlib, shutil, sys
root = pathlib.Path(sys.argv[sys.argv.index("--root-dir") + 1])
shutil.copytree(root, root.parent / "seen", dirs_exist_ok=True)
sys.exit("bad: SECRET" if "bad" in (root / "etc/netplan/50-cloud-init.yaml").read_text() else 0)
"""


class Networking:
    """What cloud-init's ``Distro.networking`` does, on a machine without interfaces."""

    def wait_for_physdevs(self, config: dict[str, Any]) -> None:
        from cloudinit import net

        if net.extract_physdevs(config):
            raise RuntimeError("Not all expected physical devices present: {'00:15:5d:00:00:01'}")


class Distro:
    """What is asked of a distribution."""

    name = osfamily = "debian"
    networking = Networking()

    def __init__(self, renderer: object) -> None:
        self.network_renderer = renderer


class Netplan(netplan.Renderer):  # type: ignore[misc]  # cloud-init has no types
    """A renderer for a netplan that is made up."""

    NETPLAN_GENERATE: tuple[str, ...] = (sys.executable, "-c", NETPLAN)


def ask(text: str, renderer: object, scratch: Path) -> str | None:
    config = yaml.safe_load(text)
    found = objection(config, Distro(renderer), scratch)
    assert config == yaml.safe_load(text)
    return found


@pytest.mark.parametrize("renderer", [eni.Renderer, networkd.Renderer, Netplan])
@pytest.mark.parametrize(
    "text",
    [
        "version: 2\nethernets: []\n",
        "version: 2\nSECRET: {a: {}}\n",
        "version: 2\nethernets: {eth0: {set-name: a, match: SECRET}}\n",
        "version: 1\nconfig: [{name: SECRET}]\n",
        "version: 1\nconfig: [SECRET]\n",
    ],
)
def test_what_cloud_init_cannot_take(text: str, renderer: Any, tmp_path: Path) -> None:
    if renderer is Netplan:
        text = text.replace("SECRET: {a", "bad: {a")
    found = ask(text, renderer(), tmp_path)
    assert found
    assert "SECRET" not in found


@pytest.mark.parametrize("renderer", [eni.Renderer, Netplan])
@pytest.mark.parametrize(
    "text",
    [
        DHCP,
        "version: 1\nconfig: [{type: physical, name: eth0, subnets: [{type: dhcp}]}]\n",
        "config: disabled\n",
    ],
)
def test_what_cloud_init_can_take(text: str, renderer: Any, tmp_path: Path) -> None:
    assert ask(text, renderer(), tmp_path) is None


def test_what_netplan_refuses(tmp_path: Path) -> None:
    found = ask(DHCP.replace("true", "true, bad: SECRET"), Netplan(), tmp_path)
    assert found
    assert "netplan" in found
    assert "SECRET" not in found


def test_netplan_reads_a_private_file_that_is_gone_afterwards(tmp_path: Path) -> None:
    assert ask(DHCP, Netplan(), tmp_path) is None
    file = tmp_path / "seen/etc/netplan/50-cloud-init.yaml"
    assert yaml.safe_load(file.read_text()) == {"network": yaml.safe_load(DHCP)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "seen"]


def test_a_device_that_the_machine_lacks_is_named(tmp_path: Path) -> None:
    text = DHCP.replace("true", "true, set-name: lan, match: {macaddress: '00:15:5d:00:00:01'}")
    found = ask(text, Netplan(), tmp_path)
    assert found
    assert "00:15:5d:00:00:01" in found


def test_a_trial_that_fails_says_nothing_of_the_config(tmp_path: Path) -> None:
    class Missing(Netplan):
        NETPLAN_GENERATE = ("/nonexistent/netplan",)

    assert ask(DHCP, Missing(), tmp_path) is None
    assert ask(DHCP, Netplan(), tmp_path / "nonexistent") is None


def test_without_a_renderer_cloud_init_says_so_itself(tmp_path: Path) -> None:
    class Bare:
        @property
        def network_renderer(self) -> object:
            raise RuntimeError("none")

    assert objection(yaml.safe_load(DHCP), Bare(), tmp_path) is None


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A machine with files of every renderer, and others beside them."""
    for name, text in {
        "etc/netplan/50-cloud-init.yaml": "",
        "etc/netplan/01-own.yaml": "",
        "etc/network/interfaces.d/50-cloud-init": "",
        "etc/systemd/network/10-cloud-init-eth0.network": "",
        "etc/systemd/network/10-eth0.network": "",
        "etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection": "",
        "etc/NetworkManager/system-connections/office.nmconnection": "",
        "etc/sysconfig/network-scripts/ifcfg-eth0": "# Created by cloud-init on instance boot\n",
        "etc/sysconfig/network-scripts/ifcfg-lo": "DEVICE=lo\n",
    }.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "root"


def test_what_cloud_init_made_up(rendered: Path, tmp_path: Path) -> None:
    found = made_up({}, tmp_path, rendered)
    assert [Path(path).name for path in found] == [
        "cloud-init-eth0.nmconnection",
        "50-cloud-init.yaml",
        "50-cloud-init",
        "ifcfg-eth0",
        "10-cloud-init-eth0.network",
    ]


def test_what_an_administrator_configured_is_not_made_up(rendered: Path, tmp_path: Path) -> None:
    assert made_up({"network": {"config": "disabled"}}, tmp_path, rendered) == []
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "upgraded-network").touch()
    assert made_up({}, tmp_path, rendered) == []


@pytest.mark.parametrize("source", ["read_kernel_cmdline_config", "read_initramfs_config"])
def test_what_the_boot_configured_is_not_made_up(
    rendered: Path, tmp_path: Path, mocker: MockerFixture, source: str
) -> None:
    mocker.patch(f"cloudinit.net.cmdline.{source}", return_value={"version": 1})
    assert made_up({}, tmp_path, rendered) == []
