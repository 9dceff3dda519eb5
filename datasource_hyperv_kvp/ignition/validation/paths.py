"""Absolute paths of files and devices."""

from __future__ import annotations

import posixpath


def path_fault(path: str) -> str:
    """What is wrong with a path that has to be absolute and in its shortest form; "" if nothing."""
    if not path:
        return "a path is missing; write an absolute one"
    if path[0] != "/":
        return f'the path "{path}" is not absolute; begin it with a slash'
    if path != "/":
        ended = path + "/"
        if "//" in ended or "/./" in ended or "/../" in ended:
            return f'the path "{path}" is not in its shortest form; write "{clean(path)}"'
    return ""


def clean(path: str) -> str:
    """The shortest form of a path, as Go's ``path.Clean`` makes it."""
    shortest = posixpath.normpath(path)
    # POSIX lets two leading slashes stand; Go does not.
    return shortest[1:] if shortest.startswith("//") else shortest


def join(parent: str, child: str) -> str:
    """Both in one, as Go's ``path.Join`` makes it."""
    if not parent:
        return clean(child) if child else ""
    return clean(f"{parent}/{child}")
