"""Paths on this machine: what they resolve to, and what stands there."""

from __future__ import annotations

import enum
import os
import posixpath
import stat
from pathlib import Path

from .errors import ApplyError

#: As the kernel: more links than this in one path are a loop.
MAX_LINKS = 40

#: File systems that systemd mounts over what was there: what is put below is lost or hidden.
VOLATILE = ("/run", "/tmp", "/dev", "/proc", "/sys")  # noqa: S108 - named to be refused


class NodeKind(enum.Enum):
    ABSENT = "absent"
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    #: Device, socket, FIFO.
    OTHER = "other"


def kind_at(path: str) -> NodeKind:
    """What stands at ``path`` itself; a link is not followed."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return NodeKind.ABSENT
    except NotADirectoryError:
        return NodeKind.ABSENT
    if stat.S_ISREG(mode):
        return NodeKind.FILE
    if stat.S_ISDIR(mode):
        return NodeKind.DIRECTORY
    return NodeKind.LINK if stat.S_ISLNK(mode) else NodeKind.OTHER


def clean(path: str) -> str:
    """``path`` without doubled slashes, ``.`` and ``..`` (by text, as Ignition does)."""
    return "/" + posixpath.normpath(path).lstrip("/")


def resolve(path: str) -> str:
    """``path`` with the links in its parents followed; the last component never is.

    What does not exist stays as it is written. Raises ApplyError for a loop of links.
    """
    todo = clean(path).strip("/").split("/")
    done: list[str] = []
    links = 0
    while todo:
        name = todo.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            del done[-1:]
            continue
        here = "/" + "/".join([*done, name])
        if todo and kind_at(here) is NodeKind.LINK:
            links += 1
            if links > MAX_LINKS:
                raise ApplyError(f"{path}: too many symbolic links on the way")
            target = str(Path(here).readlink())
            if target.startswith("/"):
                done = []
            todo = [*target.split("/"), *todo]
        else:
            done.append(name)
    return "/" + "/".join(done)


def depth(path: str) -> int:
    """Number of components of a clean path; that of ``/`` is 0."""
    return 0 if path == "/" else path.count("/")


def parents(path: str) -> list[str]:
    """The directories above a clean path, the nearest first, without ``/``."""
    above = posixpath.dirname(path)
    found = []
    while above != "/":
        found.append(above)
        above = posixpath.dirname(above)
    return found


def volatile_root(path: str) -> str | None:
    """The volatile file system that a clean path lies in or is, if any."""
    root = "/" + path.split("/", 2)[1]
    return root if root in VOLATILE else None
