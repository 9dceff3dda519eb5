"""Only what was written in this boot counts.

Pool files survive reboots and are cloned with their disk, the daemon never empties them, and it
updates them key by key: an old key stands beside the new ones. So our own unit empties the pools
that the host fills, once a boot and before the daemon starts, and leaves a mark in ``/run``: from
then on everything in them is of this boot.

Where that did not happen the files' times have to do. Clocks step early in a boot, by hours where
the hardware clock keeps local time, so a file counts as written in this boot if that is true by the
clock of now or by the clock that stamped the first files of this boot.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from datasource_hyperv_kvp.errors import PoolFileError
from datasource_hyperv_kvp.kvp import daemon
from datasource_hyperv_kvp.kvp.lock import LOCK_TIMEOUT, locked
from datasource_hyperv_kvp.kvp.poolfile import POOL_DIR, make_directory, pool_path
from datasource_hyperv_kvp.kvp.pools import AUTO_EXTERNAL, EXTERNAL

if TYPE_CHECKING:
    from datasource_hyperv_kvp.kvp.system import GuestSystem

#: The pools that the host fills anew in every boot.
HOST_POOLS = (EXTERNAL, AUTO_EXTERNAL)

#: Below the root: says that the host's pools hold nothing of an earlier boot.
MARK = Path("run/datasource-hyperv-kvp/pools-of-this-boot")

_BOOT_ID = Path("proc/sys/kernel/random/boot_id")

# Things that stand since the first moments of a boot, stamped with the clock of then.
_EARLY = (Path("dev/zero"), Path("dev/full"), Path("run/systemd/private"), Path("run/udev/control"))

# Seconds. A file's time is that of the kernel's last tick; clocks are slewed, and stepped back by a
# little where the host's time is better than that of the hardware clock.
_SLACK_BEFORE = 1.0
_SLACK_AFTER = 60.0

# Seconds by which a file has to be off to be emptied: that cannot be undone.
_MARGIN = 60.0


class Freshness(Enum):
    """How sure it is that a pool file holds this boot's keys."""

    CERTAIN = "emptied or written by this package in this boot"
    PROBABLE = "written in this boot, by its time"
    STALE = "not written in this boot"


def boot_id(root: Path) -> str:
    """Give the kernel's name for this boot, ``""`` if it has none."""
    try:
        return (root / _BOOT_ID).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_marked(pool_dir: Path, root: Path = Path("/")) -> bool:
    """Tell whether the mark vouches for this directory in this boot."""
    try:
        text = (root / MARK).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return text == _mark_text(pool_dir, root)


def set_mark(pool_dir: Path, root: Path = Path("/")) -> None:
    """Vouch for this directory: its pools of the host hold nothing of an earlier boot.

    :raises OSError: ``/run`` cannot be written.
    """
    mark = root / MARK
    mark.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    temporary = mark.with_name(f"{mark.name}.{os.getpid()}")
    temporary.write_text(_mark_text(pool_dir, root), encoding="utf-8", errors="surrogateescape")
    temporary.replace(mark)


def _mark_text(pool_dir: Path, root: Path) -> str:
    # The boot's id: where /run survives, as in a container or a soft reboot, the mark says of what.
    return f"{boot_id(root)}\n{pool_dir}\n"


def early_times(root: Path) -> tuple[float, ...]:
    """Give the times that the clock showed at the start of this boot."""
    found = []
    for path in _EARLY:
        with contextlib.suppress(OSError):
            found.append((root / path).stat().st_mtime)
    return tuple(found)


@dataclass(frozen=True)
class Boot:
    """What can be known about when this boot was.

    :param marked: the mark vouches for the pool files.
    :param now: what the clock says now, seconds since 1970.
    :param uptime: how long ago the boot was, in seconds.
    :param early: what the clock said when the boot was young (:func:`early_times`).
    """

    marked: bool
    now: float
    uptime: float
    early: tuple[float, ...] = ()


def this_boot(pool_dir: Path, host: GuestSystem) -> Boot:
    """Gather what :func:`judge` goes by."""
    return Boot(
        marked=is_marked(pool_dir, host.root),
        now=host.wall_clock(),
        uptime=host.uptime(),
        early=early_times(host.root),
    )


def is_of(boot: Boot, mtime: float, *, slack: float = _SLACK_BEFORE) -> bool:
    """Tell whether something was written in this boot, as far as clocks can tell.

    :param mtime: when it was written by the clock of then, seconds since 1970.
    :param slack: seconds by which it may seem older than the boot.
    """
    starts = (boot.now - boot.uptime, *boot.early)
    return any(start - slack <= mtime <= start + boot.uptime + _SLACK_AFTER for start in starts)


def judge(path: Path, boot: Boot) -> Freshness:
    """Judge one of the host's pool files; a missing one is stale."""
    if boot.marked:
        return Freshness.CERTAIN
    try:
        mtime = path.stat().st_mtime
    except OSError:
        return Freshness.STALE
    return Freshness.PROBABLE if is_of(boot, mtime) else Freshness.STALE


def empty_stale_pools(
    pool_dir: Path, host: GuestSystem, *, lock_timeout: float = LOCK_TIMEOUT
) -> list[int]:
    """Empty those of the host's pools that hold an earlier boot's keys; give their numbers.

    What the daemon writes from then on is of this boot, key by key, as after :func:`empty_pools`,
    and if every pool was emptied the mark says so. For machines where our unit is not installed.

    :raises PoolFileError: a pool file cannot be emptied.
    """
    boot = this_boot(pool_dir, host)
    if boot.marked:
        return []
    emptied = []
    for number in HOST_POOLS:
        path = pool_path(pool_dir, number)
        if not os.path.lexists(path):
            continue
        try:
            with locked(
                path, to_write=True, timeout=lock_timeout, clock=host.clock, sleep=host.sleep
            ) as fd:
                # Under the lock: the daemon may be writing just now.
                if is_of(boot, os.fstat(fd).st_mtime, slack=_MARGIN):
                    continue
                _empty(fd)
        except OSError as error:
            raise _cannot_empty(pool_dir, error) from error
        emptied.append(number)
    if emptied == list(HOST_POOLS):
        with contextlib.suppress(OSError):  # without the mark the files' times have to do
            set_mark(pool_dir, host.root)
    return emptied


def empty_pools(
    pool_dir: Path = POOL_DIR, *, root: Path = Path("/"), lock_timeout: float = LOCK_TIMEOUT
) -> str:
    """Empty the pools of the host once a boot, before the host fills them; say what was done.

    The files are truncated, not unlinked, and made 0600: the daemon, which keeps them open and
    does not change the mode of a file that exists, would make new ones readable by everybody. A
    file that is missing is made. Where a daemon runs already it may have stored what the host
    sends only once, so nothing is touched.

    :raises PoolFileError: a pool file cannot be emptied.
    """
    if is_marked(pool_dir, root):
        return "the pools were emptied in this boot before; nothing to do"
    found = daemon.find(root)
    if found.state is daemon.State.RUNNING:
        return f"{found.detail}, so the pools may hold keys of this boot; nothing was emptied"
    try:
        make_directory(pool_dir)
        for number in HOST_POOLS:
            path = pool_path(pool_dir, number)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            with locked(path, to_write=True, timeout=lock_timeout) as fd:
                _empty(fd)
        set_mark(pool_dir, root)
    except OSError as error:
        raise _cannot_empty(pool_dir, error) from error
    return f"emptied the pools {', '.join(map(str, HOST_POOLS))} in {pool_dir}"


def _empty(fd: int) -> None:
    os.fchmod(fd, stat.S_IRUSR | stat.S_IWUSR)
    os.ftruncate(fd, 0)


def _cannot_empty(pool_dir: Path, error: OSError) -> PoolFileError:
    return PoolFileError(
        f"the pools cannot be emptied: {error.strerror or error}", where=str(pool_dir)
    )
