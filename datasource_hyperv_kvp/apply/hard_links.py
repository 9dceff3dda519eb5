"""What keeps a hard link from being made, as far as that can be seen before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import database, homes, plan
from .errors import Finding
from .outlook import Outlook
from .paths import NodeKind, parents, resolve
from .plan import Link
from .surroundings import mount_point_of
from .system_steps import KernelArguments

#: Where the programs that a plan calls may make a file that nobody can foresee.
_ACCOUNTS = ("/etc/", "/var/mail/", "/var/spool/")
_BOOT_LOADER = ("/boot/", "/efi/", "/etc/")


def findings(step: Link, path: str, outlook: Outlook) -> Iterator[Finding]:
    """Why the link, at the path that its own resolves to, cannot be made."""
    at = f"{step.at}.target"
    target = resolve("/" + step.target)
    if f"{target}/".startswith(f"{path}/"):
        yield Finding(at, f"{path} would take the place of its own target", "choose another target")
        return
    if any(outlook.nodes.get(above) is NodeKind.LINK for above in parents(target)):
        return  # It leads over a link of this config: where to is known when that is made.
    there = outlook.kind_at(target)
    if there is NodeKind.ABSENT:
        if not _may_come(target, outlook):
            yield Finding(
                at, f"there is no {target}", "let the config write it, or leave the link out"
            )
    elif there is NodeKind.DIRECTORY:
        yield Finding(
            at, f"{target} is a directory, which has no hard links", "use a symbolic link"
        )
    if mount_point_of(Path(path).parent) != mount_point_of(Path(target).parent):
        yield Finding(at, f"{target} is on another file system than {path}", "use a symbolic link")


def _may_come(target: str, outlook: Outlook) -> bool:
    """Whether a step that calls programs may make it: files of a new home, say."""
    known = database.accounts()
    for step in outlook.steps:
        places: tuple[str, ...] = ()
        if isinstance(step, KernelArguments):
            places = _BOOT_LOADER
        elif isinstance(step, (plan.Group, plan.User)):
            places = _ACCOUNTS
        if isinstance(step, plan.User):
            account = known.get(step.name)
            home = step.home_dir or (account.home if account else homes.default_home(step.name))
            places = (*places, resolve(f"{home}/x")[:-1])
        if any(target.startswith(place) for place in places):
            return True
    return False
