"""The machine that a plan is applied to: the only door to its programs, its log and its clock.

The program works on the machine's own root, ``/``; tests run it inside a throw-away root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .errors import ApplyError

#: Seconds that one program may take: useradd behind a slow NSS source, a large home that moves.
PROGRAM_TIMEOUT = 600.0

#: What early boot may lack in its PATH; cloud-init's own units set no PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _to_stderr(line: str) -> None:
    print(f"ignition: {line}", file=sys.stderr, flush=True)


def _nothing(_point: str) -> None:
    """In production nobody watches the points."""


@dataclass(frozen=True)
class Machine:
    """
    :param state_dir: private directory (0700) for the journal and the result.
    :param log: takes one line for people; never a secret.
    :param sync: returns when everything that was written is on the disk.
    :param point: called with a name between any two changes; a test cuts the power there.
    """

    state_dir: Path
    log: Callable[[str], None] = field(default=_to_stderr)
    sync: Callable[[], None] = field(default=os.sync)
    point: Callable[[str], None] = field(default=_nothing)

    def has(self, program: str) -> bool:
        """Whether the program is installed."""
        return shutil.which(program, path=PATH) is not None

    def try_run(
        self, command: Sequence[str], *, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, whatever its exit status. Secrets belong in ``stdin``."""
        self.point(f"before {command[0]}")
        try:
            result = subprocess.run(
                list(command),
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=PROGRAM_TIMEOUT,
                env={"PATH": PATH, "LC_ALL": "C"},
                umask=0o022,
            )
        except FileNotFoundError as error:
            raise ApplyError(f"the program {command[0]} is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise ApplyError(f"{command[0]} did not end within {PROGRAM_TIMEOUT:.0f} s") from error
        self.point(f"after {command[0]}")
        return result

    def run(self, command: Sequence[str], *, stdin: str = "") -> str:
        """Run a program and return its output. Raises ApplyError with what it said if it fails."""
        result = self.try_run(command, stdin=stdin)
        if result.returncode != 0:
            said = " ".join((result.stderr or result.stdout).split())
            raise ApplyError(f"{' '.join(command)} ended with {result.returncode}: {said}")
        return result.stdout
