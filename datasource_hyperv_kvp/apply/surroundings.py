"""Where a node may stand on a running machine: not where it would be hidden, shadowed or deadly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .errors import Finding
from .outlook import Outlook
from .paths import NodeKind, parents, volatile_root
from .plan import Node

_OCTAL = re.compile(r"\\([01][0-7]{2})")

#: Replacing one of these pulls the rug from under the running system.
VITAL = (
    *("/", "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/opt"),
    *("/root", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/systemd", "/usr/lib64"),
    *("/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/lib/cloud"),
    "/var/lib/cloud/instances",
    *("/etc/pam.d", "/etc/ssh", "/etc/systemd"),
)


MOUNTINFO = Path("/proc/self/mountinfo")

#: File systems in memory.
_IN_MEMORY = ("tmpfs", "ramfs", "rootfs")


def mount_points(mountinfo: Path = MOUNTINFO) -> tuple[str, ...]:
    """Where file systems are mounted; empty if /proc is not there to ask."""
    return tuple(unescape(line.split(" ")[4]) for line in _lines(mountinfo))


def forgets(path: Path, mountinfo: Path = MOUNTINFO) -> bool:
    """Whether what is written at ``path`` is gone after a reboot (a live system, overlayroot)."""
    seen: set[str] = set()
    while True:
        mount, kind, options = _mount_of(path, mountinfo)
        if kind != "overlay":
            return kind in _IN_MEMORY
        settings = dict(option.partition("=")[::2] for option in options.split(","))
        upper = Path(unescape(settings.get("upperdir", "")))
        if mount in seen or not upper.is_absolute() or not upper.is_dir():
            return False  # where it cannot be seen from here nobody can tell
        seen.add(mount)
        path = upper


def mount_point_of(path: Path, mountinfo: Path = MOUNTINFO) -> str:
    """Where the file system is mounted that ``path`` is on, or will be; "" if nobody can tell."""
    return _mount_of(path, mountinfo)[0]


def _mount_of(path: Path, mountinfo: Path) -> tuple[str, str, str]:
    """Where the file system that holds ``path`` is mounted, its type and its options."""
    found = ("", "", "")
    for line in _lines(mountinfo):
        fields, _dash, file_system = line.partition(" - ")
        mount = unescape(fields.split(" ")[4])
        # Of two mounts at one place the later one is on top.
        if len(mount) >= len(found[0]) and Path(mount) in (path, *path.parents):
            kind, _source, options = file_system.split(" ", 2)
            found = (mount, kind, options)
    return found


def _lines(mountinfo: Path) -> list[str]:
    try:
        return mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


def unescape(field: str) -> str:
    """The kernel writes blanks, tabs, newlines and backslashes as three octal digits. A backslash
    that an administrator has put into /etc/fstab without them stays, as it does for mount(8).
    """
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)


def place_findings(step: Node, path: str, outlook: Outlook) -> Iterator[Finding]:
    """Why a node cannot stand at the path that its own resolves to."""
    at = f"{step.at}.path"
    root = volatile_root(path)
    if root is not None:
        yield Finding(
            at,
            f"{path} lies in {root}, which is empty after every boot",
            "use a unit, a tmpfiles.d file or another path",
        )
        return
    if path in outlook.claims:
        yield Finding(
            at,
            f"{step.path} resolves to {path}, and so does {outlook.claims[path]}",
            "keep one of the two",
        )
    for above in parents(path):
        there = outlook.kind_at(above)
        if there not in (NodeKind.ABSENT, NodeKind.DIRECTORY):
            yield Finding(at, f"{above}, above it, is no directory", "choose another path")
    if step.overwrite:
        yield from _overwrite_findings(step, path)


def _overwrite_findings(step: Node, path: str) -> Iterator[Finding]:
    at = f"{step.at}.overwrite"
    if path in VITAL:
        yield Finding(
            at, f"{path} holds the running system; it cannot be replaced", "leave overwrite out"
        )
        return
    for mount in mount_points():
        if mount == path or mount.startswith(path + "/"):
            yield Finding(
                at,
                f"a file system is mounted at {mount}; it would be emptied",
                "leave overwrite out, or unmount it first",
            )
