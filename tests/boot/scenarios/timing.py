"""When keys come: late, or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.boot.guest.channel import Planned
from tests.boot.lab import Guest, Lab
from tests.boot.registry import scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.daemon import assert_daemon_undisturbed
from tests.boot.world import Host, World, later, sets


def troubled(sent: Mapping[str, str], *, gap: float = 0.8) -> tuple[Planned, ...]:
    """Give a host that makes trouble: it says its facts at once; then the keys, backwards, in three
    bursts ``gap`` seconds apart, one of them wrong at first and changed before the last one.
    """
    backwards = dict(reversed(list(sent.items())))
    changed = next(key for key in backwards if key.endswith(".1"))
    *early, last = backwards
    requests = [*Host().requests({}), *later(sets({changed: "to be replaced"}), gap)]
    for number in range(3):
        burst = {name: backwards[name] for name in early[number::3] if name != changed}
        requests += later(sets(burst), (number + 2) * gap)
    requests += later(sets({changed: backwards[changed]}), 4 * gap)
    return (*requests, *later(sets({last: backwards[last]}), 4 * gap + 0.1))


@scenario()
def no_keys(lab: Lab) -> None:
    """Host facts, but no key: the next datasource, and how many seconds that took."""
    guest = lab.boot(lab.disk(), World(requests=Host().requests({})))
    checks.assert_used(guest, "None")
    lab.say(f"no keys cost {_seconds(guest):.1f} s of the guest's time")
    checks.assert_says(guest, "no keys", provisioned=False)
    assert guest.run("systemctl", "is-active", "ssh.service").strip() == "active"


@scenario()
def silent_host(lab: Lab) -> None:
    """A host that says nothing at all: the next datasource, and how many seconds that took."""
    guest = lab.boot(lab.disk(daemon=True), World())
    checks.assert_used(guest, "None")
    lab.say(f"silence cost {_seconds(guest):.1f} s of the guest's time")
    assert_daemon_undisturbed(guest)
    checks.assert_says(guest, "said nothing", provisioned=False)


@scenario()
def exchange_off(lab: Lab) -> None:
    """Data Exchange is switched off on the host: no wait, and a diagnosis that says so."""
    guest = lab.boot(lab.disk(), World(device_after=None, offers_kvp=False))
    checks.assert_used(guest, "None")
    lab.say(f"no Data Exchange cost {_seconds(guest):.1f} s of the guest's time")
    checks.assert_says(guest, "Data Exchange", provisioned=False)


def _seconds(guest: Guest) -> float:
    """Give the seconds between cloud-init's question to us and our answer, from its log."""
    log = guest.read("/var/log/cloud-init.log")
    start = re.search(
        r"^\S+ (\d+):(\d+):(\d+),(\d+) .*Seeing if we can get any data.*HyperV", log, re.M
    )
    end = re.search(r"^\S+ (\d+):(\d+):(\d+),(\d+) .*search-HyperVKVP: SUCCESS: no", log, re.M)
    assert start, "cloud-init did not ask us"
    assert end, "cloud-init's log does not show the search"
    first, last = (
        int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000
        for h, m, s, ms in (start.groups(), end.groups())
    )
    return last - first
