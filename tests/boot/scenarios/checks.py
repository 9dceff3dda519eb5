"""Questions that several scenarios ask of a guest."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from datasource_hyperv_kvp.kvp.poolfile import parse_records
from tests.boot.lab import Guest
from tests.boot.scenarios.payloads import SECRET
from tests.hyperv.engine import SET

POOLS = "/var/lib/hyperv"

#: Run by an unprivileged user.
_AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")

#: Every file that an unprivileged user can read by its name, listed in a directory or not. What the
#: image brought and this boot has not touched cannot hold what this boot's host has sent.
_SEARCH_FILES = f"""\
boot=$(sed -n 's/^btime //p' /proc/stat)
find / \\( -path /proc -o -path /sys \\) -prune -o -type f -newerct "@$((boot - 5))" -print0 |
    {" ".join(_AS_NOBODY)} xargs -0 -r grep -slF "{SECRET}"
true
"""

#: As an unprivileged user: every process.
_SEARCH_PROCESSES = f"""\
for process in /proc/[0-9]*; do
    tr '\\0' ' ' < $process/cmdline | grep -F "{SECRET}" | grep -v grep && echo $process
    tr '\\0' ' ' < $process/environ 2>/dev/null | grep -F "{SECRET}" && echo $process
done 2>/dev/null
true
"""


def assert_clean(guest: Guest) -> None:
    """cloud-init went through without a complaint.

    From the file that ``cloud-init status`` goes by: that command takes an emulated processor
    seconds.
    """
    status = json.loads(guest.read("/run/cloud-init/status.json"))["v1"]
    complaints = [
        (name, stage.get("errors"), stage.get("recoverable_errors"))
        for name, stage in status.items()
        if isinstance(stage, dict) and (stage.get("errors") or stage.get("recoverable_errors"))
    ]
    assert not complaints, f"cloud-init complains: {complaints}"
    assert status["datasource"], f"cloud-init has no datasource: {status}"


def assert_used(guest: Guest, datasource: str) -> None:
    """This boot's datasource is the expected one."""
    used = guest.datasource()
    assert datasource in used, f"cloud-init used {used!r}, not {datasource}"


def assert_pools(guest: Guest, keys: Mapping[str, str]) -> None:
    """Pool 0 is in its file, for root only, and nobody but us has changed its mode."""
    listing = guest.sh(f"stat -c '%a %U %n' {POOLS}/.kvp_pool_*")
    open_ones = [line for line in listing.splitlines() if not line.startswith("600 root ")]
    assert not [line for line in open_ones if line[-1] in "03"], f"readable by others: {open_ones}"
    content = base64.b64decode(guest.run("base64", f"{POOLS}/.kvp_pool_0"))
    found = {record.key: record.value for record in parse_records(content)}
    assert found == dict(keys), f"the pool files hold {sorted(found)}"


def assert_secret(guest: Guest) -> None:
    """An unprivileged user finds nothing of the payload in files, arguments and environments."""
    canary = "/srv/canary"
    guest.sh(f"echo {SECRET} > {canary}")
    files = guest.sh(_SEARCH_FILES).splitlines()
    assert canary in files, "the search finds nothing at all"
    files.remove(canary)
    guest.sh(f"rm {canary}")
    assert not files, f"an unprivileged user finds the secret in {files}"
    found = guest.run(*_AS_NOBODY, "sh", "-c", _SEARCH_PROCESSES)
    assert not found.strip(), f"an unprivileged user finds the secret in the processes: {found}"


def assert_delivered(guest: Guest, keys: Mapping[str, str]) -> None:
    """Every key was answered well by whoever had the device."""
    answered = guest.machine.device()["answered"]
    taken = {
        key for operation, pool, key, status in answered if (operation, pool, status) == (SET, 0, 0)
    }
    assert taken == set(keys), f"not delivered: {sorted(set(keys) - taken)}"


def assert_says(guest: Guest, *words: str, provisioned: bool | None = None) -> None:
    """The diagnosis gives this verdict, and its closing sentence has these words."""
    facts = guest.diagnose()
    sentence = facts["conclusion"]["sentence"]
    for word in words:
        assert word in sentence, f"{word!r} is not in {sentence!r}"
    if provisioned is not None:
        assert facts["conclusion"]["provisioned"] is provisioned, sentence


def assert_text_says(guest: Guest, *words: str) -> None:
    """The diagnosis for people ends with a sentence that has these words, and shows no secret."""
    text = guest.run("hyperv-kvp", "diagnose")
    sentence = " ".join(text.rpartition("\n\n")[2].split())
    for word in words:
        assert word in sentence, f"{word!r} is not in {sentence!r}"
    assert SECRET not in text
