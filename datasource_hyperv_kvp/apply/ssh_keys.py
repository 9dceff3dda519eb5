"""``.ssh/authorized_keys``, written as the user: a home is no place for root to follow links in."""

from __future__ import annotations

import os
import select
import signal
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from .database import Account
from .errors import ApplyError
from .machine import PROGRAM_TIMEOUT
from .paths import NodeKind, kind_at, parents, resolve


def keys_path(home: str) -> str:
    """The file, with links in the directories above it followed."""
    return resolve(f"{home}/.ssh/authorized_keys")


def obstacle(home: str, uids: Collection[int], gid: int | None) -> str | None:
    """Why the user could not write its keys, or None.

    :param uids: its numbers now and then; a home changes hands with the number.
    """
    if 0 in uids:
        return None
    path = keys_path(home)
    for place in (path, *parents(path), "/"):
        if kind_at(place) is not NodeKind.ABSENT:
            status = Path(place).stat()
            needed = 0o3 if stat.S_ISDIR(status.st_mode) else 0o2
            shift = 6 if status.st_uid in uids else 3 if status.st_gid == gid else 0
            if (status.st_mode >> shift) & needed == needed:
                return None
            return f"the user may not write to {place}, which {path} needs"
    return None


def write(account: Account, keys: Sequence[str], *, timeout: float = PROGRAM_TIMEOUT) -> None:
    """Write the keys, one a line, over whatever the file held.

    Directories that are missing become 0700, the file 0600; what exists keeps its mode.

    :param timeout: seconds after which a home that does not answer counts as a failure.
    """
    text = "\n".join(keys)
    data = (text if text.endswith("\n") else text + "\n").encode("utf-8")
    path = keys_path(account.home)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            _write_as(account, Path(path), data)
            status = 0
        except OSError as error:
            os.write(writer, str(error).encode("utf-8", "replace"))
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        if not select.select([pipe], [], [], timeout)[0]:
            os.kill(child, signal.SIGKILL)  # and not waited for: it may hang in the kernel
            raise ApplyError(f"{path} could not be written within {timeout:.0f} s")
        said = pipe.read().decode("utf-8", "replace")
    if os.waitpid(child, 0)[1] != 0:
        raise ApplyError(
            f"the user {account.name} cannot write {path}: {said or 'no reason given'}"
        )


def _write_as(account: Account, path: Path, data: bytes) -> None:
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    os.umask(0o077)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not blocking: in the place of the file may stand a FIFO.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
