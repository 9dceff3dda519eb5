"""Writing to the file system: whole or not at all, and never through somebody else's link.

Data is not synced here: :mod:`.execute` syncs once before it writes that steps are done.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import ApplyError
from .paths import NodeKind, kind_at
from .plan import Contents

DIRECTORY_MODE = 0o755
FILE_MODE = 0o644


def make_parents(path: str) -> None:
    """The missing directories above ``path``: root's, 0755; a setgid parent passes its group on."""
    parent = Path(path).parent
    if parent.is_dir():
        return
    make_parents(str(parent))
    try:
        parent.mkdir(DIRECTORY_MODE)
    except FileExistsError as error:
        raise ApplyError(f"{parent} is not a directory") from error


def temporary_beside(path: str) -> Path:
    """A name on the same file system, always the same for one path: a power cut leaves no litter
    that the next run would not overwrite."""
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(path).parent / f".ignition-{name}"


def remove(path: str) -> None:
    """Remove what stands there, recursively, not through links; nothing there is fine."""
    if kind_at(path) is NodeKind.DIRECTORY:
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()


def pour(contents: Iterable[Contents], file: BinaryIO) -> None:
    """Write the contents one after the other; staged files are streamed, never held in memory."""
    for item in contents:
        if item.staged is None:
            file.write(item.data)
        else:
            with Path(item.staged).open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)


def replace_file(
    path: str,
    contents: Iterable[Contents],
    *,
    mode: int | None = FILE_MODE,
    uid: int | None = None,
    gid: int | None = None,
) -> None:
    """Put a new regular file in the place of whatever is no directory there, in one rename.

    :param uid: owner; None for root.
    :param gid: group; None for root's, or that of a setgid directory.
    """
    make_parents(path)
    temporary = temporary_beside(path)
    remove(str(temporary))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        pour(contents, file)
        file.flush()
        set_owner_and_mode(file.fileno(), uid, gid, FILE_MODE if mode is None else mode)
    temporary.replace(path)


def append_to_file(path: str, size: int, contents: Iterable[Contents]) -> None:
    """Append in place, after what the file held when it had ``size`` bytes.

    Cutting it back first makes a second run, after a power cut in the middle, give the same.
    """
    with opened(path, os.O_WRONLY) as descriptor:
        # Never longer: that would put zero bytes into a file that somebody has begun anew.
        os.ftruncate(descriptor, min(size, os.fstat(descriptor).st_size))
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.seek(0, os.SEEK_END)
            pour(contents, file)


@contextlib.contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    """A descriptor of what stands at ``path`` itself; fails for a link, never blocks on a FIFO."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def set_owner_and_mode(descriptor: int, uid: int | None, gid: int | None, mode: int | None) -> None:
    """Owner first: changing it clears setuid and setgid. None leaves a value as it is."""
    os.fchown(descriptor, -1 if uid is None else uid, -1 if gid is None else gid)
    if mode is not None:
        os.fchmod(descriptor, mode)


def replace_link(path: str, target: str, *, uid: int, gid: int) -> None:
    """Put a symbolic link in the place of whatever is no directory there, in one rename."""
    make_parents(path)
    temporary = temporary_beside(path)
    remove(str(temporary))
    temporary.symlink_to(target)
    os.chown(temporary, uid, gid, follow_symlinks=False)
    temporary.replace(path)


def write_private(path: Path, text: str) -> None:
    """A file for root only, whole or not at all, on the disk when this returns."""
    temporary = temporary_beside(str(path))
    remove(str(temporary))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
