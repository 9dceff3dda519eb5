"""Which datasource is used, and what ds-identify says to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.boot.lab import Guest, Lab
from tests.boot.registry import scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import USER_DATA, keys
from tests.boot.world import AZURE, HYPERV, NOT_HYPERV, Firmware, Host, World

_LIST_FILE = "/etc/cloud/cloud.cfg.d/99_list.cfg"
#: What ds-identify says to it.
ONE = "single entry in datasource_list (HyperVKVP"
LIST_OF_ONE = {_LIST_FILE: "datasource_list: [ HyperVKVP, None ]\n"}


def nocloud_disk(lab: Lab) -> Path:
    """Make a NoCloud disk: a FAT file system with the label by which it is found."""
    disk = lab.directory / "nocloud.raw"
    root = lab.directory / "nocloud"
    root.mkdir()
    (root / "meta-data").write_text("instance-id: from-nocloud\n")
    (root / "user-data").write_text("#cloud-config\nruncmd: ['echo nocloud >> /srv/count']\n")
    subprocess.run(
        ["mkfs.vfat", "-n", "CIDATA", "-C", str(disk), "1440"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    files = [str(root / name) for name in ("meta-data", "user-data")]
    subprocess.run(["mcopy", "-i", str(disk), *files, "::"], check=True)
    return disk


def _select(lab: Lab, firmware: Firmware, files: dict[str, str], *drives: Path) -> Guest:
    """Boot a machine whose host has keys for it."""
    return lab.boot(lab.disk(files=files), _world(firmware), drives=drives)


def _world(firmware: Firmware) -> World:
    requests = Host().requests(keys({"cloud-init.user-data": USER_DATA}))
    hyperv = firmware is not NOT_HYPERV
    return World(
        requests=requests,
        firmware=firmware,
        vmbus=hyperv,
        device_after=0.0 if hyperv else None,
    )


def _assert_identified(guest: Guest, verdict: str, found: str = "") -> None:
    """ds-identify ended with this verdict, and left cloud-init a list with what it ``found``."""
    log = guest.read("/run/cloud-init/ds-identify.log")
    assert verdict in log, f"{verdict!r} is not ds-identify's verdict:\n{log}"
    left = guest.sh("grep datasource_list /run/cloud-init/cloud.cfg").strip()
    assert left == f"datasource_list: [ {found + ', None' if found else ''} ]", left


@scenario()
def nocloud_wins(lab: Lab) -> None:
    """A NoCloud disk beside the keys, long list: ds-identify finds NoCloud, and NoCloud it is."""
    guest = _select(lab, HYPERV, {}, nocloud_disk(lab))
    _assert_identified(guest, "Found single datasource: NoCloud", "NoCloud")
    checks.assert_used(guest, "NoCloud")
    assert guest.read("/srv/count").split() == ["nocloud"]
    assert guest.openers() == []
    checks.assert_says(guest, "NoCloud", provisioned=False)


@scenario()
def nocloud_ignored(lab: Lab) -> None:
    """A NoCloud disk beside the keys, list of one: the keys it is."""
    guest = _select(lab, HYPERV, LIST_OF_ONE, nocloud_disk(lab))
    _assert_identified(guest, ONE, "HyperVKVP")
    checks.assert_used(guest, "HyperVKVP")
    assert guest.read("/srv/count").split() == ["applied"]
    checks.assert_clean(guest)
    checks.assert_says(guest, "HyperVKVP", "user-data", provisioned=True)


@scenario()
def azure(lab: Lab) -> None:
    """Azure's asset tag, long list: ds-identify finds Azure, and we are not even asked."""
    # Azure's datasource would go on asking for a network that is not there: it need not end.
    machine = lab.start(lab.disk(), _world(AZURE))
    machine.wait_for({"event": "up"})
    guest = Guest(machine)
    _assert_identified(guest, "Found single datasource: Azure", "Azure")
    guest.sh(
        "until grep -qs 'Searching for local data source' /var/log/cloud-init.log; do "
        "sleep 0.5; done"
    )
    asked = guest.sh("grep 'Searching for local data source' /var/log/cloud-init.log")
    assert "DataSourceAzure" in asked, asked
    assert "HyperVKVP" not in asked, asked
    assert guest.openers() == []
    checks.assert_says(guest, "Azure", provisioned=False)


@scenario()
def azure_alone(lab: Lab) -> None:
    """Azure's asset tag, list of one: declined, without a look at the device."""
    guest = _select(lab, AZURE, LIST_OF_ONE)
    _assert_identified(guest, ONE, "HyperVKVP")
    checks.assert_used(guest, "None")
    assert guest.openers() == []
    checks.assert_says(guest, "Azure", provisioned=False)


@scenario()
def not_hyperv(lab: Lab) -> None:
    """Another hypervisor, long list: nothing is found, and nothing of ours has waited."""
    guest = _select(lab, NOT_HYPERV, {})
    _assert_identified(guest, "No ds found [mode=search, notfound=enabled]")
    checks.assert_used(guest, "None")
    checks.assert_says(guest, "not Hyper-V", provisioned=False)
    failed = guest.sh("systemctl list-units --failed --plain --no-legend")
    assert not failed.strip(), f"on a machine that is not Hyper-V there fail: {failed}"


@scenario()
def not_hyperv_alone(lab: Lab) -> None:
    """Another hypervisor, list of one: cloud-init runs, and we decline at once."""
    guest = _select(lab, NOT_HYPERV, LIST_OF_ONE)
    _assert_identified(guest, ONE, "HyperVKVP")
    checks.assert_used(guest, "None")
    checks.assert_says(guest, "not Hyper-V", provisioned=False)
