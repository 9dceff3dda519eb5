"""The device alone: nothing of Hyper-V's is installed in the guest."""

from __future__ import annotations

from dataclasses import replace

from tests.boot.image import make_tree
from tests.boot.lab import Guest, Lab
from tests.boot.registry import FORKY, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import META_DATA, SECRET, USER_DATA, keys
from tests.boot.world import HYPERV, OTHER_UUID, Host, World
from tests.hyperv.engine import GET

DOCUMENTS = {"cloud-init.user-data": USER_DATA, "cloud-init.meta-data": META_DATA}
DAEMON = "/root/hv_kvp_daemon"


@scenario(fast=(FORKY,), boots=3)
def device_only(lab: Lab) -> None:
    """No daemon: provisioned; a later daemon finds the keys; second boot; on forky a clone."""
    sent = keys(DOCUMENTS)
    disk = lab.disk()
    guest = lab.boot(disk, World(requests=Host().requests(sent)))
    checks.assert_clean(guest)
    checks.assert_used(guest, "DataSourceHyperVKVP [device (/dev/vmbus/hv_kvp)]")
    checks.assert_delivered(guest, sent)
    checks.assert_pools(guest, sent)
    assert "cloud-init.user-data" in guest.run("hyperv-kvp", "dump")
    assert guest.read("/srv/count").split() == ["applied"]
    assert guest.read("/srv/vm-name").strip() == "web-17"
    assert guest.read("/root/secret") == SECRET
    assert guest.run("hostname").strip() == "named-by-host"
    assert guest.run("id", "-un", "alice").strip() == "alice"
    identifier = guest.read("/var/lib/cloud/data/instance-id").strip()
    assert identifier == HYPERV.uuid, identifier
    assert guest.sh("cat /run/cloud-init/ds-identify.log").count("Enabled cloud-init") == 1
    checks.assert_says(guest, "HyperVKVP", "user-data", "device", provisioned=True)
    checks.assert_text_says(guest, "Provisioned", "user-data")
    checks.assert_secret(guest)
    _assert_daemon_finds(guest, daemon_program(lab), sent)
    assert [who for who in guest.openers() if "cloud-init" not in who] == [DAEMON]
    guest.shut_down()

    guest = lab.boot(disk, World(requests=Host().requests(sent)))
    checks.assert_clean(guest)
    assert guest.openers() == [], "a later boot asks nobody"
    assert guest.read("/srv/count").split() == ["applied"], "applied a second time"
    checks.assert_says(guest, "earlier boot", provisioned=True)
    if lab.release != FORKY:
        return  # what follows is shown for every release by `clones`, with the daemon
    guest.shut_down()

    shorter = keys(
        {"cloud-init.user-data": "#cloud-config\nruncmd: ['echo other >> /srv/count']\n"},
        manifest=False,
    )
    other = replace(HYPERV, uuid=OTHER_UUID)
    guest = lab.boot(disk, World(requests=Host().requests(shorter), firmware=other))
    checks.assert_clean(guest)
    assert guest.read("/srv/count").split() == ["applied", "other"], "not provisioned anew"
    told = guest.run("cloud-init", "query", "ds.meta_data")
    assert "named-by-host" not in told, "the old manifest's meta-data counts"
    assert "named-by-host" not in guest.run("hyperv-kvp", "dump", "--unredacted")


def daemon_program(lab: Lab) -> bytes:
    """Give the real daemon's program, of this release."""
    return (make_tree(lab.release) / "usr/sbin/hv_kvp_daemon").read_bytes()


def _assert_daemon_finds(guest: Guest, program: bytes, sent: dict[str, str]) -> None:
    # A daemon reads its pool files when it starts, and answers the host out of its memory.
    guest.run("sh", "-c", f"cat > {DAEMON}; chmod 755 {DAEMON}", stdin=program)
    key = "cloud-init.user-data.0" if "cloud-init.user-data.0" in sent else "cloud-init.user-data"
    guest.machine.say(
        requests=[{"operation": GET, "pool": 0, "key": key, "value": "", "index": 0, "at": 0.0}]
    )
    guest.run(DAEMON)
    for _ in range(60):
        answers = [each for each in guest.machine.device()["answered"] if each[0] == GET]
        if answers:
            break
        guest.run("sleep", "0.5")
    assert answers, "the daemon has not answered the host"
    assert answers[0][2:] == [key, 0], f"the daemon lacks {key}: {answers}"
