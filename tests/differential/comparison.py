"""One config on two copies of a root, and what differs afterwards."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.differential import oracle as oracles
from tests.differential.oracle import Oracle, Outcome
from tests.differential.overlay import overlay
from tests.differential.snapshot import Copy, snapshot, touched

#: What is not the machine's state: the two programs' own notes, the backups and locks of the
#: account tools, and what is empty again after the next boot.
IGNORE = (
    "/etc/.ignition-result.json",
    "/etc/.pwd.lock",
    *(f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")),
    "/var/lib/cloud",
    "/run",
    "/tmp",
    "/dev",
)


class Ours(Protocol):
    """A way to apply a config with us.

    ``ignore``: paths that the way itself changes, whatever the config says.
    """

    ignore: tuple[str, ...]

    def apply(self, config: str, work: Path) -> AbstractContextManager[tuple[Copy, Outcome]]: ...


@dataclass(frozen=True)
class Verdict:
    """``differences`` is empty if both did the same; each is one line for a reader."""

    refused: bool
    differences: tuple[str, ...] = ()
    logs: dict[str, str] = field(default_factory=dict)


def compare(
    config: dict[str, Any],
    *,
    oracle: Oracle,
    ours: Ours,
    root: Path,
    work: Path,
) -> Verdict:
    """Apply ``config`` both ways to overlays of ``root`` that live below ``work``."""
    text = json.dumps(config)
    with overlay(root, work / "theirs") as theirs, ours.apply(text, work / "ours") as result:
        mine, our_outcome = result
        their_outcome = oracles.apply(oracle, text, theirs.merged, work / "theirs/state")
        logs = {"Ignition": their_outcome.log, "ours": our_outcome.log}
        if their_outcome.refused != our_outcome.refused:
            who = "Ignition" if their_outcome.refused else "we"
            return Verdict(their_outcome.refused, (f"only {who} refused",), logs)
        if their_outcome.refused:
            return Verdict(True, (), logs)
        paths = touched((theirs, mine), IGNORE + ours.ignore)
        expected, found = snapshot(theirs.merged, paths), snapshot(mine.merged, paths)
    differences = []
    for path in sorted(paths):
        one, other = (_normal(path, state.get(path, "absent")) for state in (expected, found))
        if one != other:
            one, other = _distinct(one, other)
            differences.append(f"{path}\n    Ignition: {one}\n    ours:     {other}")
    return Verdict(False, tuple(differences), logs)


def _distinct(one: str, other: str) -> tuple[str, str]:
    """Of long texts only the lines that the other lacks, and the first, which has the mode."""
    left, right = one.split("\\n"), other.split("\\n")
    if len(left) < 4 or len(right) < 4:
        return one, other
    return (
        " | ".join([left[0], *(line for line in left[1:] if line not in right)]),
        " | ".join([right[0], *(line for line in right[1:] if line not in left)]),
    )


def _normal(path: str, text: str) -> str:
    """The day of the last password change is not compared: it differs around midnight."""
    if path == "/etc/shadow":
        return re.sub(r"(?m)((?:^|\\n|')[^:'\\]+:[^:]*):\d{5}:", r"\1:DAY:", text)
    return text
