"""The Debian package comes and goes."""

from __future__ import annotations

from tests.boot.lab import Lab
from tests.boot.registry import BOOKWORM, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import USER_DATA, keys
from tests.boot.world import Host, World


@scenario((BOOKWORM,), boots=2)
def removed(lab: Lab) -> None:
    """The package removed, not purged: nothing names the datasource, and cloud-init still works."""
    requests = Host().requests(keys({"cloud-init.user-data": USER_DATA}))
    disk = lab.disk()
    guest = lab.boot(disk, World(requests=requests))
    checks.assert_used(guest, "HyperVKVP")
    checks.assert_says(guest, "HyperVKVP", "user-data", provisioned=True)
    guest.run("dpkg", "--remove", "datasource-hyperv-kvp")
    left = guest.sh("grep -rl HyperVKVP /etc /usr/lib/python3 /usr/lib/systemd", check=False)
    assert not left.strip(), f"these still name the datasource: {left}"
    guest.shut_down()

    guest = lab.boot(disk, World(requests=requests))
    word, text = guest.status()
    assert word == "done" or "disabled" in text, text
    assert guest.run("id", "-un", "debian").strip() == "debian", "no default user"
    assert guest.run("systemctl", "is-active", "ssh.service").strip() == "active"
