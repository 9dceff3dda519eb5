"""Bytes into a private file: as they come, checked for space, in place only when whole."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .failure import FetchFailure, size

#: Free space is looked at again after so many bytes.
_LOOK = 16 << 20

ADVICE = (
    "give the machine a larger disk, or fetch less; on a first boot cloud-init grows the root file"
    " system only later, so that room for this has to be in the image"
)


def write(chunks: Iterable[bytes], path: Path, *, length: int | None, reserve: int) -> None:
    """Write ``chunks`` to ``path``, mode 0600, synced, atomically; nothing stays if that fails.

    :param length: of what will come, in bytes; None if unknown.
    :param reserve: bytes that stay free on the file system.
    """
    check_space(path.parent, length or 0, reserve)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            unchecked = 0
            for chunk in chunks:
                _write_all(file.fileno(), chunk, path)
                unchecked += len(chunk)
                if unchecked >= _LOOK:
                    check_space(path.parent, 0, reserve)
                    unchecked = 0
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise


def check_space(directory: Path, needed: int, reserve: int) -> None:
    """Raise FetchFailure unless ``needed`` bytes fit into ``directory`` and ``reserve`` stay."""
    free = shutil.disk_usage(directory).free
    if free < needed + reserve:
        need = f"{size(needed)} are needed and {size(reserve)}" if needed else size(reserve)
        raise FetchFailure(
            f"no space in {directory}: {need} must stay free, {size(free)} are",
            advice=ADVICE,
        )


def _write_all(descriptor: int, chunk: bytes, path: Path) -> None:
    view = memoryview(chunk)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise FetchFailure(
                    f"no space left in {path.parent}",
                    advice=ADVICE,
                ) from error
            raise
