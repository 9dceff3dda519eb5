"""Payloads that cannot be used."""

from __future__ import annotations

import re

from tests.boot.lab import Guest, Lab
from tests.boot.registry import BOOKWORM, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import IGNITION_TEXT, META_DATA, USER_DATA, keys
from tests.boot.world import Host, World

#: The rest of a damaged document is waited for; the default of 20 s is what silent-host looks at.
SHORT_WAIT = {
    "/etc/cloud/cloud.cfg.d/99_wait.cfg": "datasource: {HyperVKVP: {timeout: 8.0}}\n",
}


@scenario(fast=(BOOKWORM,), boots=2)
def broken(lab: Lab) -> None:
    """Damaged user-data, impossible Ignition: reachable, both named; mended by the next boot."""
    good = {
        "cloud-init.user-data": USER_DATA,
        "cloud-init.meta-data": META_DATA,
        "ignition.config": IGNITION_TEXT,
    }
    bad = keys(
        {**good, "ignition.config": IGNITION_TEXT.replace('"/opt/app/public"', '"relative"')}
    )
    chunk = next(key for key in bad if key.startswith("cloud-init.user-data"))
    bad[chunk] = bad[chunk].replace("alice", "mallory")
    disk = lab.disk(files=SHORT_WAIT)
    guest = lab.boot(disk, World(requests=Host().requests(bad)))
    word, status = guest.status()
    assert word != "done", f"cloud-init status is clean: {status}"
    assert re.search(r"user-data|ignition\.config", status), f"no fault is named: {status}"
    log = guest.read("/var/log/cloud-init.log")
    for name in (chunk, "$.storage.files.1.path"):
        assert name in log, f"{name} is not named in cloud-init.log"
    _assert_reachable(guest)
    assert guest.run("hostname").strip() == "named-by-host", "what is whole has to be used"
    assert not guest.exists("/root/secret")
    assert not guest.exists("/opt/app")
    checks.assert_says(guest, "user-data", "ignition.config", provisioned=False)
    if lab.release != BOOKWORM:
        return  # the next boot's part does not depend on the release
    guest.shut_down()

    guest = lab.boot(disk, World(requests=Host().requests(keys(good))))
    checks.assert_clean(guest)
    assert guest.exists("/root/secret"), "the mended user-data was not applied"
    assert guest.exists("/opt/app/config"), "the mended config was not applied"
    checks.assert_says(guest, "ignition.config", "user-data", provisioned=True)


def _assert_reachable(guest: Guest) -> None:
    assert guest.run("id", "-un", "debian").strip() == "debian", "no default user"
    assert guest.run("systemctl", "is-active", "ssh.service").strip() == "active"
    keys_of_host = guest.sh("ls /etc/ssh/ssh_host_*_key")
    assert keys_of_host.strip(), "no host keys"
