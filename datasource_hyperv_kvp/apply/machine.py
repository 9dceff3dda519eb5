"""The machine that a plan is applied to: the only door to its programs, its log and its clock.

The program works on the machine's own root, ``/``; tests run it inside a throw-away root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .errors import ApplyError

#: Seconds that one program may take: useradd behind a slow NSS source, a large home that moves.
PROGRAM_TIMEOUT = 600.0

#: Seconds in which what was killed is to be gone; what hangs in the kernel is left behind.
KILL_TIMEOUT = 10.0

#: Bytes that are kept of what a program says: more is of no use to anybody.
MAX_OUTPUT = 16 << 20

#: What early boot may lack in its PATH; cloud-init's own units set no PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _to_stderr(line: str) -> None:
    # Whoever collects the output may have ended, or have no room: no reason to stop half-way, nor
    # for what waits in a buffer to spoil the exit status.
    with contextlib.suppress(OSError):
        os.write(2, f"ignition: {line}\n".encode("utf-8", "backslashreplace"))


def _nothing(_point: str) -> None:
    """In production nobody watches the points."""


@dataclass(frozen=True)
class Machine:
    """
    :param state_dir: private directory (0700) for the journal and the result.
    :param log: takes one line for people; never a secret.
    :param sync: returns when everything that was written is on the disk.
    :param point: called with a name between any two changes; a test cuts the power there.
    :param timeout: seconds that one program may take.
    :param warnings: what :meth:`warn` has said, for the result.
    """

    state_dir: Path
    log: Callable[[str], None] = field(default=_to_stderr)
    sync: Callable[[], None] = field(default=os.sync)
    point: Callable[[str], None] = field(default=_nothing)
    timeout: float = PROGRAM_TIMEOUT
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Tell what is left undone and stops nothing: in the log, and in the result."""
        self.log(f"warning: {text}")
        self.warnings.append(text)

    def has(self, program: str) -> bool:
        """Whether the program is installed."""
        return shutil.which(program, path=PATH) is not None

    def try_run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, whatever its exit status.

        A process that it leaves behind is not waited for. Raises ApplyError if there is no such
        program, or if it takes too long; it is killed then, with all that it has started.
        """
        self.point(f"before {command[0]}")
        # Not pipes: a pipe ends only when the last process that holds it does.
        output, errors = os.memfd_create("output"), os.memfd_create("errors")
        try:
            status = self._run_to_its_end(command, output, errors)
            result = subprocess.CompletedProcess(
                list(command), status, _text_in(output), _text_in(errors)
            )
        finally:
            os.close(output)
            os.close(errors)
        self.point(f"after {command[0]}")
        return result

    def _run_to_its_end(self, command: Sequence[str], output: int, errors: int) -> int:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={"PATH": PATH, "LC_ALL": "C"},
                umask=0o022,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise ApplyError(f"the program {command[0]} is not installed") from error
        # Popen's own wait with a time-out looks again and again; a thread is told at once.
        waiter = threading.Thread(target=process.wait, daemon=True)
        waiter.start()
        waiter.join(self.timeout)
        if waiter.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            waiter.join(KILL_TIMEOUT)
            raise ApplyError(f"{command[0]} did not end within {self.timeout:.0f} s")
        return process.returncode

    def run(self, command: Sequence[str]) -> str:
        """Run a program and return its output. Raises ApplyError with what it said if it fails."""
        result = self.try_run(command)
        if result.returncode != 0:
            said = " ".join((result.stderr or result.stdout).split())
            raise ApplyError(f"{' '.join(command)} ended with {result.returncode}: {said}")
        return result.stdout


def _text_in(descriptor: int) -> str:
    """What a file holds from its beginning; others may still be writing to it."""
    return os.pread(descriptor, MAX_OUTPUT, 0).decode("utf-8", "replace")
