"""What two copies of a root file system hold where either of them was touched."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

#: path below the root -> what is there, as text that a reader can compare
Snapshot = dict[str, str]


@dataclass(frozen=True)
class Copy:
    """An overlay: ``merged`` is the root, ``upper`` holds only what was changed."""

    merged: Path
    upper: Path


def touched(copies: tuple[Copy, ...], ignore: tuple[str, ...]) -> set[str]:
    """Every path that one of the copies changed, made or removed, or that lies below such a one."""
    directories = {""}
    for copy in copies:
        for parent, names, _files in os.walk(copy.upper):
            relative = os.path.relpath(parent, copy.upper)
            relative = "" if relative == "." else f"/{relative}"
            if _ignored(relative, ignore):
                names.clear()
                continue
            directories.add(relative)
            if relative and _moved(Path(parent)):
                directories |= _below(copy.merged, relative)
    paths: set[str] = set()
    pending = sorted(directories)
    while pending:
        directory = pending.pop()
        lists = [_names(copy.merged, directory) for copy in copies]
        for name in set().union(*lists):
            path = f"{directory}/{name}"
            if _ignored(path, ignore):
                continue
            paths.add(path)
            # A directory that one copy lost or replaced is looked into in the others.
            kinds = {_is_directory(copy.merged, path) for copy in copies}
            if kinds == {True, False} and path not in directories:
                directories.add(path)
                pending.append(path)
    return paths | (directories - {""})


def snapshot(root: Path, paths: set[str]) -> Snapshot:
    """What ``root`` holds at each of ``paths``; a path that is not there is left out."""
    found = {}
    for path in paths:
        text = describe(root, path)
        if text:
            found[path] = text
    return found


def describe(root: Path, path: str) -> str:
    """Type, mode, owner and contents of one node, or "" if there is none."""
    place = root / path.lstrip("/")
    try:
        status = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    owner = f"{status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"link {owner} -> {place.readlink()}"
    text = f"{stat.filemode(status.st_mode)} {owner}"
    if stat.S_ISREG(status.st_mode):
        contents = place.read_bytes()
        shown = (
            repr(contents)
            if len(contents) <= 2000
            else f"{len(contents)} bytes, sha256 {hashlib.sha256(contents).hexdigest()}"
        )
        return f"{text} links={status.st_nlink} {shown}"
    return text


def _moved(upper: Path) -> bool:
    """Whether the overlay holds this directory as "what was elsewhere"."""
    return "trusted.overlay.redirect" in os.listxattr(upper, follow_symlinks=False)


def _below(root: Path, directory: str) -> set[str]:
    """All directories below one."""
    top = root / directory.lstrip("/")
    return {f"/{os.path.relpath(parent, root)}" for parent, _names, _files in os.walk(top)}


def _ignored(path: str, ignore: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in ignore)


def _names(root: Path, directory: str) -> set[str]:
    try:
        return {entry.name for entry in (root / directory.lstrip("/")).iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _is_directory(root: Path, path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(root / path.lstrip("/")).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
