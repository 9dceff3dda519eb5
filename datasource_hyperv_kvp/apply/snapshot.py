"""Account steps as transactions: the account files as they were before the step, kept aside.

useradd and its like write up to six files one after the other. If the power goes in between, the
next run puts all of them back and lets the step begin anew; if a step fails, it is undone at once.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import account_files
from .errors import ApplyError
from .files import remove, write_private
from .paths import NodeKind, kind_at

#: Name of the copies in the state directory.
COPIES = "accounts.json"

FILES = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")

#: The programs that may hold one of the locks beside the account files.
_LOCKERS = (
    *("useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel"),
    *("chpasswd", "chgpasswd", "gpasswd", "passwd", "vipw", "vigr"),
)


def take(directory: Path, key: str, etc: Path = Path("/etc")) -> None:
    """Keep copies of the account files for the step ``key``; on the disk when this returns."""
    document: dict[str, str | None] = {"step": key}
    for name in FILES:
        path = etc / name
        document[name] = path.read_bytes().decode("latin-1") if path.exists() else None
    write_private(directory / COPIES, json.dumps(document))


def belongs_to(directory: Path, key: str) -> bool:
    """Whether the copies are those of the step ``key``: it has begun, and maybe not ended."""
    try:
        document = json.loads((directory / COPIES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return bool(document["step"] == key)


def restore(directory: Path, key: str, etc: Path = Path("/etc")) -> None:
    """Put the account files back as they were before the step ``key``, where they differ."""
    document = json.loads((directory / COPIES).read_text(encoding="utf-8"))
    if document["step"] != key:
        raise ApplyError(f"{directory / COPIES} belongs to {document['step']}")
    for name in FILES:
        _remove_stale_lock(etc / f"{name}.lock")
        before = document[name]
        path = etc / name
        if before is None:
            remove(str(path))
        elif not path.exists() or path.read_bytes() != before.encode("latin-1"):
            account_files.replace(path, before.encode("latin-1"))


def drop(directory: Path) -> None:
    """Forget the copies; they hold password hashes."""
    remove(str(directory / COPIES))


def _remove_stale_lock(path: Path) -> None:
    """A lock of before the power cut: it names a process that now is gone, or another one."""
    if kind_at(str(path)) is not NodeKind.FILE:
        return
    owner = path.read_text(encoding="ascii", errors="replace").strip("\0\n ")
    command = Path(f"/proc/{owner}/comm")
    if owner.isdigit() and command.exists() and command.read_text().strip() in _LOCKERS:
        return
    remove(str(path))
