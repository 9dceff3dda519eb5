"""Watching the pool files while the daemon fills them: what is in them, and is it of this boot?"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from datasource_hyperv_kvp.errors import PoolFileError
from datasource_hyperv_kvp.kvp import freshness
from datasource_hyperv_kvp.kvp.freshness import HOST_POOLS, Freshness
from datasource_hyperv_kvp.kvp.poolfile import as_pool, parse_records, pool_path, read_bytes
from datasource_hyperv_kvp.kvp.pools import POOL_NUMBERS, Pool
from datasource_hyperv_kvp.kvp.system import GuestSystem


class PoolWatch:
    """The pool files of one directory, looked at again and again.

    ``pools`` holds what is fresh, ``faults`` what was torn, locked or unreadable at the last look,
    ``notes`` what the log should say, and ``changed`` the time of ``host.clock`` at which the pools
    changed last.
    """

    def __init__(self, directory: Path, *, lock_timeout: float, host: GuestSystem) -> None:
        self.pools: dict[int, Pool] = {number: {} for number in POOL_NUMBERS}
        self.faults: dict[int, PoolFileError] = {}
        self.notes: list[str] = []
        self.changed = host.clock()
        self._directory = directory
        self._lock_timeout = lock_timeout
        self._host = host
        self._contents: dict[int, bytes] = {}
        self._stale: set[int] = set()

    def look(self) -> None:
        """Read every pool file once; what is torn or locked is left for the next look."""
        for number in POOL_NUMBERS:
            try:
                self._look_at(number)
            except PoolFileError as error:
                self.faults[number] = error
            else:
                self.faults.pop(number, None)

    def _look_at(self, number: int) -> None:
        path = pool_path(self._directory, number)
        content = self._content(path)
        before = self._contents.get(number)
        if content == before and number not in self._stale:
            return
        records = parse_records(content, where=str(path))
        self._contents[number] = content
        if number in HOST_POOLS:
            _make_private(path)
        # A change that happens before our eyes is of this boot, whatever a clock says.
        seen_to_change = before is not None and content != before
        if not content or seen_to_change or self._is_fresh(number, path):
            self._stale.discard(number)
            pool = as_pool(records)
        else:
            self._stale.add(number)
            pool = {}
        if pool != self.pools[number]:
            self.pools[number] = pool
            self.changed = self._host.clock()

    def _content(self, path: Path) -> bytes:
        if not os.path.exists(path):  # noqa: PTH110  Path.exists raises where it may not look
            return b""
        return read_bytes(
            path,
            lock_timeout=self._lock_timeout,
            clock=self._host.clock,
            sleep=self._host.sleep,
        )

    def _is_fresh(self, number: int, path: Path) -> bool:
        if number not in HOST_POOLS:
            return True
        boot = freshness.this_boot(self._directory, self._host)
        if freshness.judge(path, boot) is not Freshness.STALE:
            return True
        note = f"{path} is of an earlier boot or another machine: not used"
        if note not in self.notes:
            self.notes.append(note)
        return False


def _make_private(path: Path) -> None:
    # The daemon makes its files readable by everybody and leaves the mode of a file that exists.
    with contextlib.suppress(OSError):  # not root, or a read-only file system
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
