"""Where a node may stand on a running machine: not where it would be hidden, shadowed or deadly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .errors import Finding
from .outlook import Outlook
from .paths import NodeKind, parents, volatile_root
from .plan import Node

#: Replacing one of these pulls the rug from under the running system.
VITAL = (
    *("/", "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/opt"),
    *("/root", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/systemd", "/usr/lib64"),
    *("/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/lib/cloud"),
    "/var/lib/cloud/instances",
    *("/etc/pam.d", "/etc/ssh", "/etc/systemd"),
)


def mount_points(mountinfo: Path = Path("/proc/self/mountinfo")) -> tuple[str, ...]:
    """Where file systems are mounted; empty if /proc is not there to ask."""
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    return tuple(_unescape(line.split(" ")[4]) for line in lines)


def _unescape(field: str) -> str:
    """The kernel writes blanks, tabs, newlines and backslashes as three octal digits."""
    head, *rest = field.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


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
