"""Hyper-V's own KVP daemon in the guest, as Debian packages it: started by udev."""

from __future__ import annotations

from dataclasses import replace

from tests.boot.lab import Guest, Lab
from tests.boot.registry import TRIXIE, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import STATE, both, keys
from tests.boot.world import HYPERV, OTHER_UUID, UUID, Host, World

_LONG = "#cloud-config\n# " + "a long document. " * 150 + "\nruncmd: ['echo long >> /srv/count']\n"
_SHORT = "#cloud-config\nruncmd: ['echo short >> /srv/count']\n"
THIRD_UUID = "ca11ab1e-0000-4000-8000-000000000003"


def assert_daemon_undisturbed(guest: Guest) -> None:
    """The daemon lives, had the device from the start, and nobody else touched it."""
    assert guest.run("systemctl", "is-active", "hv-kvp-daemon.service").strip() == "active"
    programs = [who.split()[0] for who in guest.openers()]
    assert programs == ["/usr/sbin/hv_kvp_daemon"], f"the device was opened by {guest.openers()}"


@scenario(fast=(TRIXIE,))
def both_payloads(lab: Lab) -> None:
    """Daemon installed, Ignition and user-data: both applied through it, and it is undisturbed."""
    sent = both()
    guest = lab.boot(lab.disk(daemon=True), World(requests=Host().requests(sent)))
    checks.assert_clean(guest)
    checks.assert_used(guest, "DataSourceHyperVKVP [pool files (/var/lib/hyperv)]")
    assert_daemon_undisturbed(guest)
    checks.assert_delivered(guest, sent)
    checks.assert_pools(guest, sent)
    state = guest.sh(STATE, check=False)
    for expected in (
        "/opt/app/config regular file 600 root:root",
        "/opt/app/data directory 750 core:root",
        "operators:4242:core",
        "core:/home/core:",
        "alice:/home/alice:",
        "enabled\nactive\nactive\nfor all\nnamed-by-host\n",
    ):
        assert expected in state, f"{expected!r} is not in\n{state}"
    checks.assert_says(guest, "ignition.config", "user-data", "pool files", provisioned=True)
    checks.assert_secret(guest)


@scenario()
def clones(lab: Lab) -> None:
    """A template's disk boots elsewhere with a shorter document, with and without manifests."""
    for manifest in (True, False):
        template = lab.disk("template", daemon=True)
        sent = keys({"cloud-init.user-data": _LONG}, manifest=manifest)
        assert len(sent) > 2, "the long document has to come in chunks"
        guest = lab.boot(template, World(requests=Host().requests(sent)))
        checks.assert_clean(guest)
        assert guest.read("/srv/count").split() == ["long"]
        guest.shut_down()
        for number, (uuid, new_manifest) in enumerate(((OTHER_UUID, True), (THIRD_UUID, False))):
            shorter = keys({"cloud-init.user-data": _SHORT}, manifest=new_manifest)
            disk = lab.clone(template, f"clone-{number}")
            firmware = replace(HYPERV, uuid=uuid)
            guest = lab.boot(disk, World(requests=Host().requests(shorter), firmware=firmware))
            checks.assert_clean(guest)
            assert_daemon_undisturbed(guest)
            assert guest.read("/srv/count").split() == ["long", "short"]
            assert "a long document" not in guest.sh("cat /var/lib/hyperv/.kvp_pool_0")
            assert guest.read("/var/lib/cloud/data/instance-id").strip() == uuid != UUID
            guest.machine.off()
