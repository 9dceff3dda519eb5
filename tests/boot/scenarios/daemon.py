"""Hyper-V's own KVP daemon in the guest, as Debian packages it: started by udev."""

from __future__ import annotations

from dataclasses import replace

from tests.boot.lab import Guest, Lab
from tests.boot.registry import BOOKWORM, FORKY, TRIXIE, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import STATE, both, keys
from tests.boot.world import HYPERV, Host, World


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


#: A disk's way from machine to machine, by release: whether each one's host sends a manifest.
#: Over the releases each kind follows each kind.
_JOURNEYS = {
    BOOKWORM: (True, False, False),
    TRIXIE: (False, True, True),
    FORKY: (True, False, True),
}


@scenario(boots=3)
def clones(lab: Lab) -> None:
    """A disk boots on three machines, each document shorter, with and without manifests."""
    disk = lab.disk(daemon=True)
    done: list[str] = []
    for number, manifest in enumerate(_JOURNEYS[lab.release]):
        uuid = f"ca11ab1e-0000-4000-8000-{number:012d}"
        padding = "".join(f"# {uuid} {'line by line ' * 40}\n" for _ in range(9 - 4 * number))
        document = f"#cloud-config\nruncmd: ['echo {uuid} >> /srv/count']\n{padding}"
        sent = keys({"cloud-init.user-data": document}, manifest=manifest)
        world = World(requests=Host().requests(sent), firmware=replace(HYPERV, uuid=uuid))
        guest = lab.boot(disk, world)
        checks.assert_clean(guest)
        assert_daemon_undisturbed(guest)
        done.append(uuid)
        assert guest.read("/srv/count").split() == done, "not provisioned once and anew"
        checks.assert_pools(guest, sent)
        used = guest.read("/var/lib/cloud/instance/user-data.txt")
        assert [other for other in done if other in used] == [uuid], "an older document is seen"
        assert guest.read("/var/lib/cloud/data/instance-id").strip() == uuid
        checks.assert_says(guest, "HyperVKVP", "user-data", "pool files", provisioned=True)
        guest.shut_down()
