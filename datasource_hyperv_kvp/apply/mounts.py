"""File systems that the plan writes to and that this early boot has not mounted yet: those of
/etc/fstab and of mount units.

cloud-init's local stage runs after the root is writable and before anything else is mounted: a
file for /srv would end up below what is mounted there later.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import database, homes, mount_units
from . import plan as plans
from .errors import ApplyError
from .machine import Machine
from .paths import depth, resolve
from .plan import Plan
from .surroundings import mount_points, unescape
from .system_steps import KernelArguments
from .systemd import is_running
from .unit_files import SEARCH

FSTAB = Path("/etc/fstab")

#: Seconds to wait for a device to appear; systemd itself waits 90, for all of them together.
DEVICE_TIMEOUT = 60.0
RETRY = 1.0
POLL = 0.1

#: What boot loaders read may be on up to two file systems of its own.
BOOT = ("/boot/grub", "/boot/loader", "/boot/efi/loader", "/efi/loader")

#: What needs the network, and so cannot be waited for before it is up.
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "9p")


@dataclass(frozen=True)
class Entry:
    """A file system that a boot mounts by itself.

    :param optional: the boot goes on without it.
    :param in_fstab: ``mount`` knows it; otherwise only systemd does.
    """

    where: str
    optional: bool
    in_fstab: bool = True


def _fstab(fstab: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Mount point, type and options of every line."""
    if not fstab.exists():
        return
    for line in fstab.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split()
        if len(fields) >= 4 and not fields[0].startswith("#") and fields[1].startswith("/"):
            where = unescape(fields[1]).rstrip("/")
            yield where or "/", fields[2], set(fields[3].split(","))


def entries(fstab: Path = FSTAB) -> Iterator[Entry]:
    """The file systems of fstab that a boot mounts by itself and without network."""
    for where, kind, options in _fstab(fstab):
        if where != "/" and kind not in _NETWORK and not {"noauto", "_netdev"} & options:
            yield Entry(where, "nofail" in options)


def places(plan: Plan) -> Iterator[str]:
    """Everything that the plan writes to."""
    known = database.accounts()
    for step in plan.steps:
        if isinstance(step, plans.Node):
            yield resolve(step.path)
        elif isinstance(step, plans.User):
            if step.home_dir:
                yield resolve(step.home_dir)
            account = known.get(step.name)
            yield resolve(account.home if account else homes.default_home(step.name))
        elif isinstance(step, KernelArguments):
            yield from BOOT


def wanted(plan: Plan, table: Iterable[Entry], mounted: Iterable[str]) -> list[Entry]:
    """The entries that the plan needs mounted first, outermost first."""
    there = set(mounted)
    targets = list(places(plan))
    found = [
        entry
        for entry in table
        if entry.where not in there
        and any(path == entry.where or path.startswith(entry.where + "/") for path in targets)
    ]
    return sorted(found, key=lambda entry: depth(entry.where))


def outstanding(plan: Plan, fstab: Path = FSTAB, search: Sequence[Path] = SEARCH) -> list[Entry]:
    """What :func:`mount_wanted` would mount now. Until then nobody can tell what stands there."""
    found = wanted(plan, entries(fstab), mount_points())
    units = mount_units.known(search)
    for where, _kind, _options in _fstab(fstab):
        units.pop(where, None)
    # systemd is asked only if there is a unit for a place that the plan writes to.
    beside = wanted(plan, (Entry(where, True) for where in units), mount_points())
    coming = mount_units.coming(units[entry.where] for entry in beside)
    found += [
        Entry(entry.where, not coming[units[entry.where]], in_fstab=False)
        for entry in beside
        if units[entry.where] in coming
    ]
    return sorted(found, key=lambda entry: depth(entry.where))


def awaited(plan: Plan, seconds: float, fstab: Path = FSTAB) -> list[Entry]:
    """What of :func:`outstanding` a running systemd has not mounted within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        missing = outstanding(plan, fstab)
        if not missing or not is_running() or time.monotonic() > deadline:
            return missing
        time.sleep(POLL)


def mount_wanted(plan: Plan, machine: Machine, fstab: Path = FSTAB) -> None:
    """Mount them; wait for their devices, but not for ever. Raises ApplyError."""
    for entry in outstanding(plan, fstab):
        machine.log(f"{entry.where} has to be mounted first")
        deadline = time.monotonic() + DEVICE_TIMEOUT
        while is_running() and entry.where not in mount_points() and time.monotonic() < deadline:
            # The boot does it anyway, after the check of the file system; that wants it unmounted.
            time.sleep(POLL)
        said = "systemd has not mounted it"
        while entry.where not in mount_points():
            if entry.in_fstab:
                result = machine.try_run(["mount", entry.where])
                if result.returncode == 0:
                    break
                said = " ".join(result.stderr.split())
            if time.monotonic() > deadline or not entry.in_fstab:
                if not entry.optional:
                    raise ApplyError(
                        f"{entry.where} cannot be mounted: {said}",
                        advice="mend its line in /etc/fstab or its unit, or let the boot go on"
                        " without it (nofail)",
                    )
                machine.warn(f"going on without {entry.where}: {said}")
                break
            time.sleep(RETRY)
