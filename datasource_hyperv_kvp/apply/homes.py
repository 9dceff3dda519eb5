"""Home directories: where they will be, whether that works, moving them, giving them away."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import database, ssh_keys
from .errors import ApplyError, Finding
from .files import remove, temporary_beside
from .machine import Machine
from .outlook import Outlook
from .paths import NodeKind, kind_at, parents, resolve
from .plan import User

#: The first that exists counts; SUSE keeps the distribution's own below /usr/etc.
USERADD_DEFAULTS = (Path("/etc/default/useradd"), Path("/usr/etc/default/useradd"))
#: What useradd copies into a new home beside what its settings name: SUSE's second place.
VENDOR_SKELETON = Path("/usr/etc/skel")
LOGIN_DEFS = (Path("/etc/login.defs"), Path("/usr/etc/login.defs"))


def _setting(paths: Sequence[Path], name: str, separator: str | None) -> str | None:
    """The last value of a setting in one of shadow's files."""
    value = None
    path = next((path for path in paths if path.exists()), None)
    if path is not None:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            parts = line.strip().split(separator, 1)
            if len(parts) == 2 and parts[0] == name:
                value = parts[1].strip().strip('"')
    return value


def default_home(name: str) -> str:
    """Where useradd puts the home of a new user."""
    return f"{_setting(USERADD_DEFAULTS, 'HOME', '=') or '/home'}/{name}"


def user_groups_enabled() -> bool:
    """Whether a new user gets a group of its own name unless told otherwise."""
    return (_setting(LOGIN_DEFS, "USERGROUPS_ENAB", None) or "no").lower() == "yes"


def findings(step: User, exists: bool) -> Iterator[Finding]:
    """Why the account's home, or the keys in it, cannot be as the config wants them."""
    account = database.accounts().get(step.name) if exists else None
    home = step.home_dir or (account.home if account else default_home(step.name))
    there = kind_at(home) is not NodeKind.ABSENT
    if account is not None and step.home_dir and step.home_dir != account.home:
        if there:
            message = f"{home} exists, so {account.home} cannot be moved there"
            yield Finding(f"{step.at}.homeDir", message, "choose another directory")
            return
        there = kind_at(account.home) is NodeKind.DIRECTORY
        home = account.home
    if not there and account is not None and not step.no_create_home:
        message = f"the home directory {home} does not exist, and is made for new users only"
        yield Finding(step.at, message, "set noCreateHome if it is not meant to exist")
        return
    if step.ssh_authorized_keys and (there or step.no_create_home):
        uids = [step.uid] if step.uid is not None else []
        uids += [account.uid] if account else []
        obstacle = ssh_keys.obstacle(home, uids, account.gid if account else None)
        if obstacle:
            advice = "keys are written as the user: give it its home directory"
            yield Finding(f"{step.at}.sshAuthorizedKeys", obstacle, advice)


def removal_findings(step: User) -> Iterator[Finding]:
    """userdel removes a home only if it is the user's own, and fails otherwise."""
    account = database.accounts()[step.name]
    home = Path(account.home)
    if home.exists() and home.stat().st_uid != account.uid:
        message = f"its home directory {home} belongs to another user and cannot go with it"
        yield Finding(step.at, message, "keep the user, or give it a home of its own before")


def foresee(step: User, outlook: Outlook) -> None:
    """Tell the outlook what the account's step will leave in homes, for the nodes that follow."""
    account = database.accounts().get(step.name)
    old = _resolved(account.home) if account else None
    if not step.should_exist:
        if account and old and kind_at(old) is not NodeKind.ABSENT:
            outlook.nodes[old] = NodeKind.ABSENT
        return
    home = _resolved(step.home_dir) if step.home_dir else old or _resolved(default_home(step.name))
    if old is None:
        if not step.no_create_home and outlook.kind_at(home) is NodeKind.ABSENT:
            skeleton = Path(_setting(USERADD_DEFAULTS, "SKEL", "=") or "/etc/skel")
            for source in (VENDOR_SKELETON, skeleton):
                _copied(source, home, outlook)
    elif home != old and kind_at(old) is NodeKind.DIRECTORY:
        if any(path.startswith((f"{home}/", f"{old}/")) for path in outlook.paths.values()):
            _copied(Path(old), home, outlook)
        outlook.nodes[old] = NodeKind.ABSENT
    if step.ssh_authorized_keys:
        keys = ssh_keys.keys_path(home)
        _made(str(Path(keys).parent), outlook)
        outlook.nodes[keys] = NodeKind.FILE


def _resolved(home: str) -> str:
    """A home with links followed, its own too."""
    return str(Path(resolve(f"{home}/x")).parent)


def _made(directory: str, outlook: Outlook) -> None:
    for path in (directory, *parents(directory)):
        if outlook.kind_at(path) is NodeKind.ABSENT:
            outlook.nodes[path] = NodeKind.DIRECTORY


def _copied(source: Path, home: str, outlook: Outlook) -> None:
    _made(home, outlook)
    for directory, names, files in os.walk(source):
        for name in (*names, *files):
            path = Path(directory, name)
            outlook.nodes[f"{home}/{path.relative_to(source)}"] = kind_at(str(path))


def move(old: str, new: str, machine: Machine) -> None:
    """Move a home; done already, or no home there to move, is fine."""
    if kind_at(old) is not NodeKind.DIRECTORY:
        return
    if kind_at(new) is not NodeKind.ABSENT:
        raise ApplyError(f"{new} exists, so {old} cannot be moved there")
    try:
        Path(old).rename(new)
    except FileNotFoundError as error:
        raise ApplyError(f"{Path(new).parent} does not exist") from error
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # To another file system: the old one goes only when the new one is whole.
        copy = temporary_beside(new)
        remove(str(copy))
        machine.run(["cp", "--archive", "--", old, str(copy)])
        os.sync()
        copy.rename(new)
        os.sync()  # two file systems: the one must not forget this and the other do the next
        remove(old)


def give(home: str, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Change the owner of what in a home belonged to the user's former number or group."""
    if old == new or kind_at(home) is not NodeKind.DIRECTORY or home == "/":
        return
    if Path(home).stat().st_uid not in (old[0], new[0]):
        return  # as usermod: somebody else's directory stays somebody else's
    for directory, names, files in os.walk(home):
        for entry in ("", *names, *files):
            path = Path(directory, entry) if entry else Path(directory)
            if entry in names and not path.is_symlink():
                continue
            status = path.lstat()
            uid = new[0] if status.st_uid == old[0] else -1
            gid = new[1] if status.st_gid == old[1] else -1
            if (uid, gid) != (-1, -1):
                os.chown(path, uid, gid, follow_symlinks=False)
