"""Steps that are announced as they run; what a program prints goes to a log, shown if it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.tools.cache import cache_dir

#: Lines of a failed program's output that are shown; the rest is in its log.
TAIL_LINES = 30


class SetupError(Exception):
    """Something the tests need could not be made on this machine."""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce ``what`` before it starts, and how long it took when it is done."""
    print(f"==> {what}", flush=True)
    start = time.monotonic()
    yield
    print(f"    {what}: done in {time.monotonic() - start:.1f} s", flush=True)


def run(
    command: Sequence[str], *, log: str, timeout: float, env: Mapping[str, str] | None = None
) -> None:
    """Run a program quietly, without standard input.

    :param log: name of the log file under the cache's ``logs`` directory.
    :param timeout: seconds.
    :raises SetupError: the program failed, is missing or took too long; with the log's last lines.
    """
    path = cache_dir() / "logs" / log
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as output:
            subprocess.run(
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                env={**os.environ, **(env or {})},
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(f"{error}\n{_tail(path)}\nThe whole log: {path}") from error


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def main_guard(error: SetupError) -> int:
    """Print a set-up error as its user wants to read it and return the exit code."""
    print(f"\nSet-up failed: {error}", file=sys.stderr)
    return 1
