"""Names that the machine's own account tools refuse. The rules differ from version to version, and
from one distribution to the next, so the tools are asked, on account files made for the purpose."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from .machine import Machine

#: What every version takes (shadow's own pattern, one shorter than its bound): nobody is asked.
PLAIN = re.compile(r"[a-z_][a-z0-9_-]{0,30}")

#: Exit status of useradd and groupadd for an argument that they refuse.
REFUSED = 3

#: Root's alone, in memory, and there in every boot before anything else.
RUN = Path("/run")

_ASK = {
    "groupadd": (),
    # Without what would be made or written elsewhere.
    "useradd": ("--no-create-home", "--no-user-group", "--no-log-init", "--gid", "1"),
}


def obstacle(program: str, name: str, machine: Machine) -> str | None:
    """Why ``useradd`` or ``groupadd`` would not make an account of this name, or None.

    A version that cannot be asked without changing anything says nothing here.
    """
    if PLAIN.fullmatch(name) or not machine.has(program):
        return None
    with tempfile.TemporaryDirectory(prefix="ignition-names-", dir=RUN) as directory:
        etc = Path(directory, "etc")
        etc.mkdir()
        for file in ("passwd", "shadow", "gshadow"):
            (etc / file).touch()
        (etc / "group").write_text("group:x:1:\n", encoding="ascii")
        result = machine.try_run([program, "--prefix", directory, *_ASK[program], "--", name])
    if result.returncode != REFUSED:
        return None
    return " ".join(result.stderr.split()) or f"{program} refuses the name {name!r}"
