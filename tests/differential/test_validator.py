"""Our verdict beside that of Debian's ``ignition-validate`` 2.14, on configs made at random.

2.14 knows the specifications 3.0 to 3.3, and differs from the newest program in what
:data:`DIFFERENCES` lists: there the newest counts. ``VALIDATOR_CONFIGS`` says how many configs,
``VALIDATOR_SEED`` which; both are printed.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.decoding import Decoder
from datasource_hyperv_kvp.ignition.scanner import scan
from datasource_hyperv_kvp.ignition.shape import shape_of
from datasource_hyperv_kvp.ignition.versions import NEWEST_MINOR
from tests.differential.config_texts import config_text
from tests.tools.debian_packages import unpack

COUNT = int(os.environ.get("VALIDATOR_CONFIGS", "1500"))
SEED = int(os.environ.get("VALIDATOR_SEED") or random.SystemRandom().randrange(10**9))

#: One finding as 2.14 prints it; errors of syntax and type come without a path.
_LINE = re.compile(
    r"^(error|warning) at (?:(\$.*?), )?line \d+ col \d+: ", flags=re.MULTILINE | re.DOTALL
)
_NEWER_VERSION = re.compile(rb'"3\.[456]\.0"')


@dataclass(frozen=True)
class Difference:
    """What only one of the two reports. ``message`` is ours, or empty for what is only theirs."""

    severity: str
    path: str
    message: str
    why: str


DIFFERENCES = (
    Difference(
        "warning",
        r"\$\.storage\.links\.\d+\.(user|group)\.(id|name)",
        "a hard link has the owner",
        "newer than 2.14: the owner of a hard link",
    ),
    Difference(
        "warning",
        r"\$\.storage\.filesystems\.\d+\.device",
        "of the same disk",
        "newer than 2.14: a file system on a partitioned or wiped disk",
    ),
    Difference(
        "warning",
        r"\$\.systemd\.units\.\d+\.contents",
        "its template",
        "newer than 2.14: an enabled instance of a template without [Install]",
    ),
    Difference(
        "error",
        r"\$\.storage\.(files|directories|links)\.\d+\.path",
        "also written by a unit or drop-in",
        "newer than 2.14: a node in the place of a unit",
    ),
    Difference(
        "error",
        r"\$\..*",
        "host in brackets|its host has a bracket|begins with a bracket|the zone in its host",
        "newer than 2.14: only an IPv6 address may stand in brackets (Go's net/url)",
    ),
    Difference(
        "error",
        r"\$\.storage\.luks\.\d+\.keys",
        "source of the key file",
        "follows from the one before",
    ),
    Difference(
        "error",
        r"\$\.storage\.disks\.\d+\.partitions",
        "",
        "older than the newest: partition number 0 beside shouldExist: false was refused",
    ),
    Difference(
        "error",
        r"\$\.storage\.files\.\d+\.append\.\d+",
        "nothing to append",
        "ours alone: Ignition lets it pass and crashes when it applies it",
    ),
    Difference(
        "error",
        r"\$\.systemd\.units\.\d+\.name",
        "cannot contain a slash",
        "ours alone: Ignition writes a file that systemd never reads",
    ),
)


@pytest.fixture(scope="module")
def validator() -> Path:
    return unpack("ignition") / "usr/bin/ignition-validate"


@pytest.mark.parametrize("minor", range(4))
def test_random_configs_get_the_verdict_of_the_reference(validator: Path, minor: int) -> None:
    count = COUNT // 4
    print(f"seed {SEED}, specification 3.{minor}.0, {count} configs")
    for number in range(count):
        text = config_text(random.Random(f"{SEED}/{minor}/{number}"), minor)
        differences = compare(validator, text)
        assert not differences, f"seed {SEED}, config {number}: {differences}\n{text!r}"


def compare(validator: Path, text: bytes) -> list[str]:
    """What the two see differently and :data:`DIFFERENCES` does not explain."""
    theirs = subprocess.run([validator, "-"], input=text, capture_output=True, check=False)
    if b"unsupported config version" in theirs.stderr and _NEWER_VERSION.search(text):
        return []  # a doubled key can bring such a version
    result = parse(text)
    output = theirs.stdout.decode("utf-8", "replace")
    reference = [(severity, path or "$") for severity, path in _LINE.findall(output)]
    if ("error", "$") in reference or (theirs.returncode != 0 and not reference):
        # It stops at the first error of syntax, type or version, and does not say where it is.
        return [] if result.errors else ["only the reference refuses it"]
    ours = [("error", finding.path, finding.message) for finding in result.errors]
    ours += [("warning", finding.path, finding.message) for finding in result.warnings]
    unexplained = Counter((severity, path) for severity, path, _ in ours)
    unexplained.subtract(Counter(reference))
    for severity, path, message in ours:
        if unexplained[severity, path] > 0 and (
            _is_known(severity, path, message)
            or ("no [Install] section" in message and _has_no_option(validator, text, path))
        ):
            unexplained[severity, path] -= 1
    return [
        f"{severity} at {path}: {'only ours' if count > 0 else 'only the reference'}"
        for (severity, path), count in unexplained.items()
        if count and not (count < 0 and _is_known(severity, path, ""))
    ]


def _has_no_option(validator: Path, text: bytes, path: str) -> bool:
    """2.14 warns of no missing [Install] in contents without a single option, the newest does.

    That this is why it was silent, it says itself: it warns as soon as there is any option.
    """
    value = Decoder().decode(scan(text), shape_of(NEWEST_MINOR))
    for step in path.split(".")[1:]:
        value = value[int(step) if step.isdigit() else step]
    unit = {
        "name": "a.service",
        "enabled": True,
        "contents": f"{value}\n\n[Unit]\nAfter=b.service\n",
    }
    config = {"ignition": {"version": "3.3.0"}, "systemd": {"units": [unit]}}
    theirs = subprocess.run(
        [validator, "-"], input=json.dumps(config).encode(), capture_output=True, check=False
    )
    return _LINE.findall(theirs.stdout.decode()) == [("warning", "$.systemd.units.0.contents")]


def _is_known(severity: str, path: str, message: str) -> bool:
    return any(
        known.severity == severity
        and re.fullmatch(known.path, path)
        and bool(known.message) == bool(message)
        and re.search(known.message, message)
        for known in DIFFERENCES
    )
