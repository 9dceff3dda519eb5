"""File systems of /etc/fstab that the plan writes to and that this early boot has not mounted yet.

cloud-init's local stage runs after the root is writable and before anything else is mounted: a
file for /srv would end up below what is mounted there later.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import database, homes
from . import plan as plans
from .errors import ApplyError
from .machine import Machine
from .paths import depth, resolve
from .plan import Plan
from .surroundings import mount_points
from .system_steps import KernelArguments
from .systemd import is_running

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
    """One line of fstab."""

    where: str
    options: tuple[str, ...]


def entries(fstab: Path = FSTAB) -> Iterator[Entry]:
    """The file systems that a boot mounts by itself and without network."""
    if not fstab.exists():
        return
    for line in fstab.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split()
        if (
            len(fields) < 4
            or fields[0].startswith("#")
            or not fields[1].startswith("/")
            or fields[1] == "/"
        ):
            continue
        options = tuple(fields[3].split(","))
        if {"noauto", "_netdev"} & set(options) or fields[2] in (*_NETWORK, "swap"):
            continue
        yield Entry(fields[1].replace("\\040", " ").rstrip("/"), options)


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


def outstanding(plan: Plan, fstab: Path = FSTAB) -> list[Entry]:
    """What :func:`mount_wanted` would mount now. Until then nobody can tell what stands there."""
    return wanted(plan, entries(fstab), mount_points())


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
        while entry.where not in mount_points():
            result = machine.try_run(["mount", entry.where])
            if result.returncode == 0:
                break
            if time.monotonic() > deadline:
                said = " ".join(result.stderr.split())
                if "nofail" not in entry.options:
                    raise ApplyError(
                        f"{entry.where} cannot be mounted: {said}",
                        advice="mend its line in /etc/fstab, or add nofail to it",
                    )
                machine.log(f"going on without {entry.where}: {said}")
                break
            time.sleep(RETRY)
