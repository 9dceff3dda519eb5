"""The account files, /etc/passwd and /etc/group.

Ignition reads these files and asks no directory service: early in a boot there is none, and a
question to it could hang.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWD = Path("/etc/passwd")
GROUP = Path("/etc/group")


@dataclass(frozen=True)
class Account:
    """One line of /etc/passwd."""

    name: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str


@dataclass(frozen=True)
class AccountGroup:
    """One line of /etc/group."""

    name: str
    gid: int
    members: tuple[str, ...]


def _lines(path: Path, columns: int) -> Iterator[list[str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        parts = line.split(":")
        # Lines of NIS (+, -) and damaged ones name nobody.
        if len(parts) >= columns and parts[0] and parts[0][0] not in "+-#" and parts[2].isdigit():
            yield parts


def accounts(path: Path = PASSWD) -> dict[str, Account]:
    found: dict[str, Account] = {}
    for parts in _lines(path, 7):
        gid = int(parts[3]) if parts[3].isdigit() else 0
        account = Account(parts[0], int(parts[2]), gid, parts[4], parts[5], parts[6])
        found.setdefault(account.name, account)
    return found


def groups(path: Path = GROUP) -> dict[str, AccountGroup]:
    found: dict[str, AccountGroup] = {}
    for parts in _lines(path, 4):
        members = tuple(name for name in parts[3].split(",") if name)
        found.setdefault(parts[0], AccountGroup(parts[0], int(parts[2]), members))
    return found
