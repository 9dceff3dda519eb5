"""Network files that cloud-init made up while it did not know that the config brings its own.

A config that fetches something needs a network before it is known what it says. Those files must
not stand beside the config's own, and must stay if the config is not applied: the next boot has to
fetch again. So whoever hands the plan on leaves a note, and the files go when the plan is applied.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .files import remove, write_private
from .machine import Machine
from .paths import clean
from .plan import Node, Plan

#: In the private directory of the instance: a list of absolute paths, as JSON.
NOTE = "superseded.json"


def note(state_dir: Path, paths: Sequence[str]) -> None:
    """Leave word of the files. Raises OSError."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(state_dir / NOTE, json.dumps(list(paths)) + "\n")


def drop(plan: Plan, machine: Machine) -> None:
    """Remove the files, save those that are the config's own by now."""
    path = machine.state_dir / NOTE
    try:
        superseded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    own = {clean(step.path) for step in plan.steps if isinstance(step, Node)}
    for name in superseded:
        if name not in own:
            machine.log(f"removing {name}: cloud-init made it up before this config was known")
            remove(name)
    path.unlink()
