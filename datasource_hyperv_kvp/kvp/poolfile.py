"""Pool files: reading them without seeing half a write, and writing them in one step.

A pool file is a row of 2,560-byte records, 512 bytes of key and 2,048 of value, each UTF-8 text
that ends at its first NUL (what follows is leftovers) or fills its field. ``hv_kvp_daemon``
rewrites the whole file for every key that the host sets: it truncates, then writes, under a POSIX
(``fcntl``) lock. Only a reader that holds that lock never sees half a file.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from datasource_hyperv_kvp.errors import PoolFileError
from datasource_hyperv_kvp.kvp.lock import LOCK_TIMEOUT, locked
from datasource_hyperv_kvp.kvp.pools import POOL_NUMBERS, Pool, Pools, Record
from datasource_hyperv_kvp.kvp.protocol import KEY_SIZE, VALUE_SIZE, text

RECORD_SIZE = KEY_SIZE + VALUE_SIZE  #: bytes

#: Where ``hv_kvp_daemon`` keeps the pools on Linux.
POOL_DIR = Path("/var/lib/hyperv")


def pool_path(directory: Path, number: int) -> Path:
    """Name the file of one pool."""
    return directory / f".kvp_pool_{number}"


def read_pool_file(path: Path | str, *, lock_timeout: float = LOCK_TIMEOUT) -> list[Record]:
    """Read one pool file, every record in its order, doubles included.

    :param lock_timeout: seconds to wait for another process that holds the lock.
    :raises PoolFileError: the file is missing, cannot be opened, is locked for longer than
        ``lock_timeout``, or its length is no whole number of records.
    """
    path = Path(path)
    return parse_records(read_bytes(path, lock_timeout=lock_timeout), where=str(path))


def read_pool_dir(directory: Path | str, *, lock_timeout: float = LOCK_TIMEOUT) -> Pools:
    """Read every pool of a directory; a missing file is an empty pool.

    :raises PoolFileError: the directory is missing, or as :func:`read_pool_file`.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise PoolFileError(
            "there is no such directory",
            where=str(directory),
            advice="the KVP daemon or this package's datasource makes it on a Hyper-V guest",
        )
    pools: dict[int, Pool] = {}
    for number in POOL_NUMBERS:
        path = pool_path(directory, number)
        pools[number] = (
            as_pool(read_pool_file(path, lock_timeout=lock_timeout)) if path.exists() else {}
        )
    return pools


def write_pool_files(directory: Path | str, pools: Pools) -> None:
    """Write every pool, 0600, each file replaced in one step; a pool not given becomes empty.

    The directory is made if need be.

    :raises PoolFileError: a record does not fit its field, or the file system refuses.
    """
    directory = Path(directory)
    contents = {number: build_records(pools.get(number, {})) for number in POOL_NUMBERS}
    try:
        make_directory(directory)
        for number, content in contents.items():
            _replace(pool_path(directory, number), content)
        _sync(directory)
    except OSError as error:
        raise PoolFileError(
            f"the pool files cannot be written: {error.strerror or error}", where=str(directory)
        ) from error


def make_directory(directory: Path) -> None:
    """Make the directory of the pool files unless it is there, as the daemon makes it.

    Open to all: the files keep their secrets by themselves.

    :raises OSError: the file system refuses.
    """
    if directory.is_dir():
        return
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    from datasource_hyperv_kvp.kvp import selinux  # not at every boot

    selinux.label(directory)


def as_pool(records: Iterable[Record]) -> Pool:
    """Turn records into a pool. Of doubles the first counts, as for everybody who looks a key up;

    a record without a key cannot be asked for.
    """
    pool: dict[str, str] = {}
    for record in records:
        if record.key:
            pool.setdefault(record.key, record.value)
    return pool


def parse_records(content: bytes, *, where: str = "") -> list[Record]:
    """Take the content of a pool file apart.

    :raises PoolFileError: the length is no whole number of records.
    """
    if len(content) % RECORD_SIZE:
        raise PoolFileError(
            f"expected whole records of {RECORD_SIZE} bytes, found {len(content)} bytes: torn by a"
            " writer that took no lock, or no pool file at all",
            where=where,
        )
    return [
        Record(
            key=text(content[start : start + KEY_SIZE]),
            value=text(content[start + KEY_SIZE : start + RECORD_SIZE]),
        )
        for start in range(0, len(content), RECORD_SIZE)
    ]


def build_records(pool: Pool) -> bytes:
    """Put the content of a pool file together.

    :raises PoolFileError: a key or value holds a NUL, is not text, or is too long for its field.
    """
    return b"".join(
        _field("key", key, key, KEY_SIZE) + _field("value", key, value, VALUE_SIZE)
        for key, value in pool.items()
    )


def _field(what: str, key: str, content: str, size: int) -> bytes:
    try:
        encoded = content.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise PoolFileError(f"the {what} is not Unicode text: {error.reason}", where=key) from error
    if not key:
        raise PoolFileError("a key must not be empty", where=key)
    if b"\0" in encoded:
        raise PoolFileError(
            f"the {what} holds a NUL, where it would end for every reader", where=key
        )
    if len(encoded) > size:
        raise PoolFileError(
            f"the {what} has {len(encoded)} bytes, the field of a pool file {size}",
            where=key,
            advice="split the document into smaller chunks",
        )
    return encoded.ljust(size, b"\0")


def read_bytes(
    path: Path,
    *,
    lock_timeout: float = LOCK_TIMEOUT,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bytes:
    """Read a whole pool file under its lock.

    :raises PoolFileError: it is missing, cannot be read, or is locked for too long.
    """
    try:
        with locked(path, timeout=lock_timeout, clock=clock, sleep=sleep) as fd:
            chunks = []
            while chunk := os.read(fd, 1 << 20):
                chunks.append(chunk)
            return b"".join(chunks)
    except OSError as error:
        raise PoolFileError(
            f"the pool file cannot be read: {error.strerror or error}", where=str(path)
        ) from error


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    try:
        # Private from its first moment on: the mode is given as the file is made.
        with open(temporary, "xb", opener=_open_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(directory: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a directory cannot be opened, and a rename need not be synced
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
