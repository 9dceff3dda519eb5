"""The lock that the KVP daemon holds while it rewrites a pool file: POSIX, by ``fcntl``.

``flock`` is another lock space and would see nothing. Workstations that have no ``fcntl`` have no
KVP daemon either: there a pool file is somebody's copy, and is opened without a lock.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from datasource_hyperv_kvp.errors import PoolFileError

#: Seconds to wait for the lock. The daemon holds it for the milliseconds of one rewrite.
LOCK_TIMEOUT = 2.0

_POLL = 0.005  # seconds between two tries

# Close-on-exec is Python's own default; a named pipe or terminal in the place of a pool file must
# not hold us up, nor become ours.
_FLAGS = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def _fcntl() -> Any:
    try:
        return importlib.import_module("fcntl")
    except ImportError:
        return None


@contextlib.contextmanager
def locked(
    path: Path,
    *,
    to_write: bool = False,
    timeout: float = LOCK_TIMEOUT,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Open a pool file and hold its lock, shared to read or exclusive to write.

    :param timeout: seconds to wait for the lock.
    :returns: the file descriptor. Nothing else may be opened on the file meanwhile: closing any
        descriptor of a file drops all POSIX locks that the process holds on it.
    :raises PoolFileError: somebody else held the lock all the time.
    :raises OSError: the file cannot be opened.
    """
    deadline = clock() + timeout
    while True:
        fd = os.open(path, _FLAGS | (os.O_RDWR if to_write else os.O_RDONLY))
        try:
            while not _try(fd, to_write=to_write):
                if clock() >= deadline:
                    raise PoolFileError(
                        f"another process has kept it locked for {timeout:g} s",
                        where=str(path),
                        advice="lslocks names that process",
                    )
                sleep(_POLL)
            # Who replaces the file leaves its lock on the old one.
            if _is_at(fd, path) or clock() >= deadline:
                yield fd
                return
        finally:
            os.close(fd)


def _try(fd: int, *, to_write: bool) -> bool:
    fcntl = _fcntl()
    if fcntl is None:
        return True
    kind = fcntl.LOCK_EX if to_write else fcntl.LOCK_SH
    try:
        fcntl.lockf(fd, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX lets a system say EAGAIN or EACCES
        return False
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
