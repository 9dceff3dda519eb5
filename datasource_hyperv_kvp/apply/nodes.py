"""Files, directories and links, as Ignition writes them.

What each does with what stands there already is Ignition's (``internal/exec/stages/files/
filesystemEntries.go``); the recorded state decides, so that an interrupted run ends the same.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from . import database, files, hard_links
from .errors import ApplyError, Finding
from .handler import Handler, Run
from .journal import State
from .outlook import Outlook
from .paths import NodeKind, kind_at, parents, resolve
from .plan import Directory, File, Link, Node, Owner
from .surroundings import place_findings

N = TypeVar("N", bound=Node)

OVERWRITE = "set overwrite to replace it, or choose another path"


def user_id(owner: Owner) -> int | None:
    """The number of a user given by number or name; None if unset. Raises ApplyError."""
    if isinstance(owner, str):
        account = database.accounts().get(owner)
        if account is None:
            raise ApplyError(f"there is no user {owner!r}")
        return account.uid
    return owner


def group_id(owner: Owner) -> int | None:
    """The number of a group given by number or name; None if unset. Raises ApplyError."""
    if isinstance(owner, str):
        group = database.groups().get(owner)
        if group is None:
            raise ApplyError(f"there is no group {owner!r}")
        return group.gid
    return owner


def first_missing(path: str) -> str:
    """The topmost missing component of a resolved path, or the path if all of it is there."""
    missing = path
    for above in parents(path):
        if kind_at(above) is not NodeKind.ABSENT:
            break
        missing = above
    return missing


class NodeHandler(Handler[N]):
    """What files, directories and links have in common."""

    alone = False

    def check(self, step: N, outlook: Outlook) -> Iterator[Finding]:
        path = outlook.paths[step.path]
        yield from self.owner_findings(step, outlook)
        misplaced = list(place_findings(step, path, outlook))
        if misplaced:
            # What stands there would only say the same again.
            yield from misplaced
            return
        recorded = outlook.befores.get(step.key)
        there = NodeKind(recorded["kind"]) if recorded else outlook.kind_at(path)
        if step.overwrite:
            there = NodeKind.ABSENT
        obstacle = self.obstacle(step, there, path, outlook, recorded is not None)
        if obstacle:
            yield Finding(step.at, obstacle, OVERWRITE)
        outlook.claim(step, path, changed=not obstacle)
        # Whatever it is, it needs a file system that can be written to.
        outlook.needs_space(path, 0)

    def owner_findings(self, step: N, outlook: Outlook) -> Iterator[Finding]:
        """Owners by names that there will not be when the node's turn comes."""
        advice = "add it to passwd, or use a number"
        if isinstance(step.user, str) and step.user not in outlook.users:
            yield Finding(f"{step.at}.user.name", f"there is no user {step.user!r}", advice)
        if isinstance(step.group, str) and step.group not in outlook.groups:
            yield Finding(f"{step.at}.group.name", f"there is no group {step.group!r}", advice)

    def obstacle(
        self, step: N, there: NodeKind, path: str, outlook: Outlook, begun: bool
    ) -> str | None:
        """Why what stands there is in the way, or None.

        :param begun: an interrupted run has touched the path: it may look different now.
        """
        raise NotImplementedError

    def before(self, step: N, run: Run) -> State:
        path = run.paths[step.path]
        there = kind_at(path)
        state: State = {"kind": there.value, "missing": first_missing(path)}
        if there is NodeKind.FILE:
            state["size"] = Path(path).lstat().st_size
        return state


class DirectoryHandler(NodeHandler[Directory]):
    """Present: owner and mode are set, not recursively. Absent: made, 0755."""

    def obstacle(
        self, step: Directory, there: NodeKind, path: str, outlook: Outlook, begun: bool
    ) -> str | None:
        if there in (NodeKind.ABSENT, NodeKind.DIRECTORY):
            return None
        return f"{path} exists and is no directory"

    def apply(self, step: Directory, before: State, run: Run) -> None:
        path = run.paths[step.path]
        if step.overwrite:
            files.remove(path)
            run.machine.point("removed")
        files.make_parents(path)
        if kind_at(path) is not NodeKind.DIRECTORY:
            Path(path).mkdir(files.DIRECTORY_MODE)
            run.machine.point("made")
        with files.opened(path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            files.set_owner_and_mode(
                descriptor, user_id(step.user), group_id(step.group), step.mode
            )


class FileHandler(NodeHandler[File]):
    """Absent: written. A regular file without new contents: kept, appended to, owner and mode."""

    def check(self, step: File, outlook: Outlook) -> Iterator[Finding]:
        yield from super().check(step, outlook)
        for item in (*([step.contents] if step.contents else ()), *step.append):
            size = len(item.data)
            if item.staged is not None:
                try:
                    size = Path(item.staged).stat().st_size
                except OSError as error:
                    yield Finding(step.at, f"its fetched contents cannot be read: {error}")
            outlook.needs_space(outlook.paths[step.path], size)

    def obstacle(
        self, step: File, there: NodeKind, path: str, outlook: Outlook, begun: bool
    ) -> str | None:
        if there is NodeKind.ABSENT:
            return None
        if there is not NodeKind.FILE:
            return f"{path} exists and is no regular file"
        return None if step.contents is None else f"{path} exists"

    def apply(self, step: File, before: State, run: Run) -> None:
        path = run.paths[step.path]
        uid, gid = user_id(step.user), group_id(step.group)
        if before["kind"] == NodeKind.FILE.value and step.contents is None and not step.overwrite:
            if step.append:
                files.append_to_file(path, before["size"], step.append)
                run.machine.point("appended")
            with files.opened(path, os.O_RDONLY) as descriptor:
                files.set_owner_and_mode(descriptor, uid, gid, step.mode)
            return
        if kind_at(path) is NodeKind.DIRECTORY:
            files.remove(path)
            run.machine.point("removed")
        contents = (*([step.contents] if step.contents else ()), *step.append)
        files.replace_file(path, contents, mode=step.mode, uid=uid, gid=gid)


class LinkHandler(NodeHandler[Link]):
    """A link that is there already stays untouched, its owner too."""

    def check(self, step: Link, outlook: Outlook) -> Iterator[Finding]:
        found = list(super().check(step, outlook))
        if step.hard and not found:
            found += hard_links.findings(step, outlook.paths[step.path], outlook)
        yield from found

    def owner_findings(self, step: Link, outlook: Outlook) -> Iterator[Finding]:
        """A hard link has its target's owner, and one that stays keeps its own: nobody is asked."""
        path = outlook.paths[step.path]
        stays = (
            not step.overwrite
            and kind_at(path) is NodeKind.LINK
            and outlook.kind_at(path) is NodeKind.LINK
            and _same_target(path, step.target)
        )
        if not step.hard and not stays:
            yield from super().owner_findings(step, outlook)

    def obstacle(
        self, step: Link, there: NodeKind, path: str, outlook: Outlook, begun: bool
    ) -> str | None:
        if there is NodeKind.ABSENT:
            return None
        if step.hard:
            if begun or _same_file(path, resolve("/" + step.target)):
                return None
            return f"{path} exists and is not the file {step.target}"
        if there is not NodeKind.LINK:
            return f"{path} exists and is no symbolic link"
        if begun or _same_target(path, step.target):
            return None
        return f"{path} is a link to another target, {Path(path).readlink()}"

    def before(self, step: Link, run: Run) -> State:
        state = super().before(step, run)
        path = run.paths[step.path]
        if not step.overwrite and state["kind"] != NodeKind.ABSENT.value:
            state["kept"] = True
            if step.hard and not _same_file(path, resolve("/" + step.target)):
                raise ApplyError(f"{path} exists and is not the file {step.target}")
        return state

    def apply(self, step: Link, before: State, run: Run) -> None:
        path = run.paths[step.path]
        if before.get("kept"):
            return
        if step.hard:
            target = resolve("/" + step.target)
            if kind_at(target) is NodeKind.ABSENT:
                raise ApplyError(f"the hard link's target {step.target} does not exist")
            files.remove(path)
            files.make_parents(path)
            os.link(target, path, follow_symlinks=False)
            return
        if kind_at(path) is NodeKind.DIRECTORY:
            files.remove(path)
            run.machine.point("removed")
        # Before it is asked what the link leads to: the way there may go over a missing parent.
        files.make_parents(path)
        uid, gid = _link_owner(step, path)
        files.replace_link(path, step.target, uid=uid, gid=gid)


def _link_owner(step: Link, path: str) -> tuple[int, int]:
    """An owner that is not set is that of what a relative link leads to, else root's.

    Ignition asks who owns the link by a call that follows it.
    """
    uid = gid = 0
    if not step.target.startswith("/"):
        try:
            found = (Path(path).parent / step.target).stat()
        except OSError:
            pass
        else:
            uid, gid = found.st_uid, found.st_gid
    given_uid, given_gid = user_id(step.user), group_id(step.group)
    return uid if given_uid is None else given_uid, gid if given_gid is None else given_gid


def _same_target(path: str, target: str) -> bool:
    return posixpath.normpath(Path(path).readlink()) == posixpath.normpath(target)


def _same_file(path: str, target: str) -> bool:
    try:
        return os.path.samestat(Path(path).lstat(), Path(target).lstat())
    except OSError:
        return False
