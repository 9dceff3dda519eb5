"""When keys come: late, in bursts, backwards, changed in the middle, or not at all."""

from __future__ import annotations

import re

from tests.boot.guest.channel import Planned
from tests.boot.lab import Guest, Lab
from tests.boot.registry import BOOKWORM, FORKY, TRIXIE, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.daemon import assert_daemon_undisturbed
from tests.boot.scenarios.payloads import IGNITION_TEXT, USER_DATA, keys
from tests.boot.world import Host, World, later, sets

_IGNITION_LINES = IGNITION_TEXT.replace('"ignition"', '"ignition"' + " " * 1500, 1)


def _troubled(sent: dict[str, str], *, gap: float) -> tuple[Planned, ...]:
    """Facts at once; then the keys backwards in three bursts, one of them wrong at first."""
    backwards = dict(reversed(list(sent.items())))
    wrong = next(key for key in backwards if key.endswith(".1"))
    names = list(backwards)
    bursts = [names[start::3] for start in range(3)]
    requests = [*Host().requests({})]
    requests += later(sets({wrong: "to be replaced"}), gap)
    for number, burst in enumerate(bursts, start=2):
        requests += later(sets({name: backwards[name] for name in burst}), number * gap)
    # what was wrong is right again before the last chunk has come
    last = requests.pop()
    return (
        *requests,
        *later(sets({wrong: backwards[wrong]}), 4 * gap),
        Planned(last.request, 4 * gap + 0.1),
    )


@scenario((BOOKWORM, FORKY))
def late_to_device(lab: Lab) -> None:
    """A late device; keys late, in bursts, backwards, one updated; then a manifest: all applied."""
    sent = keys({"ignition.config": _IGNITION_LINES, "cloud-init.user-data": USER_DATA})
    world = World(requests=_troubled(sent, gap=0.8), device_after=6.0)
    guest = lab.boot(lab.disk(), world)
    _assert_applied(guest)
    checks.assert_used(guest, "device (/dev/vmbus/hv_kvp)")


@scenario((TRIXIE,))
def late_to_daemon(lab: Lab) -> None:
    """The same through the daemon and without a manifest: waited for until it is whole."""
    sent = keys({"ignition.config": _IGNITION_LINES}, manifest=False)
    world = World(requests=_troubled(sent, gap=0.8), device_after=3.0)
    guest = lab.boot(lab.disk(daemon=True), world)
    assert guest.exists("/opt/app/config"), "the config was not applied"
    checks.assert_clean(guest)
    assert_daemon_undisturbed(guest)


def _assert_applied(guest: Guest) -> None:
    checks.assert_clean(guest)
    assert guest.exists("/opt/app/config"), "the Ignition config was not applied"
    assert guest.exists("/srv/vm-name"), "the user-data was not applied"


@scenario((BOOKWORM, FORKY))
def no_keys(lab: Lab) -> None:
    """Host facts, but no key: the next datasource, and how many seconds that took."""
    guest = lab.boot(lab.disk(), World(requests=Host().requests({})))
    checks.assert_used(guest, "None")
    lab.say(f"no keys cost {_seconds(guest):.1f} s of the guest's time")
    checks.assert_says(guest, "no keys", provisioned=False)
    assert guest.run("systemctl", "is-active", "ssh.service").strip() == "active"


@scenario((FORKY,))
def silent_host(lab: Lab) -> None:
    """A host that says nothing at all: the next datasource, and how many seconds that took."""
    guest = lab.boot(lab.disk(daemon=True), World())
    checks.assert_used(guest, "None")
    lab.say(f"silence cost {_seconds(guest):.1f} s of the guest's time")
    assert_daemon_undisturbed(guest)
    checks.assert_says(guest, "said nothing", provisioned=False)


@scenario((TRIXIE,))
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
