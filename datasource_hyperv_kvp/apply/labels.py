"""SELinux labels of everything that a plan has made, from the first component that was missing.

The policy knows the labels; this only says where. Where SELinux is off nothing is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import database, plan
from .errors import ApplyError, Finding
from .handler import Handler, Run
from .journal import State
from .outlook import Outlook
from .system_steps import Labels, Presets
from .units import UNIT_DIR

#: Both there while SELinux is on, enforcing or not (``is_selinux_enabled(3)``): a kernel that could
#: have it shows the first on systems that know nothing of it.
SIGNS = (Path("/sys/fs/selinux/enforce"), Path("/etc/selinux/config"))

#: What the account tools write, backups and locks too.
ACCOUNT_FILES = ("passwd*", "group*", "shadow*", "gshadow*", "subuid*", "subgid*", ".pwd.lock")

#: Paths for one call of restorecon: far below the limit of an argument list.
CHUNK = 500

#: restorecon takes its arguments for patterns.
_MEANS_MORE = re.compile(r"[*?\[\]{}\\]")


def is_on(signs: Iterable[Path] = SIGNS) -> bool:
    return all(sign.exists() for sign in signs)


class LabelsHandler(Handler[Labels]):
    def check(self, step: Labels, outlook: Outlook) -> Iterator[Finding]:
        if is_on() and not outlook.machine.has("restorecon"):
            yield Finding(
                step.at,
                "SELinux is on, and there is no restorecon to label what is made",
                "install policycoreutils in the image",
            )

    def before(self, step: Labels, run: Run) -> State:
        return {}

    def apply(self, step: Labels, before: State, run: Run) -> None:
        if not is_on():
            return
        paths = [as_pattern(path) for path in touched(run)]
        for start in range(0, len(paths), CHUNK):
            _label(paths[start : start + CHUNK], run)


def _label(patterns: list[str], run: Run) -> None:
    """A label that cannot be set is told and stops nothing: most of what is new has inherited a
    right one, and without its units the machine would be worse off."""
    try:
        # A path may be gone again: an overwritten directory, the home of a removed user.
        result = run.machine.try_run(["restorecon", "-R", "-i", "--", *patterns])
    except ApplyError as error:
        run.machine.warn(f"SELinux labels may be missing: {error}")
        return
    if result.returncode != 0:
        said = " ".join((result.stderr or result.stdout).split()) or "no reason given"
        run.machine.warn(
            f"SELinux labels may be missing: restorecon ended with {result.returncode}: {said}"
        )


def as_pattern(path: str) -> str:
    """A pattern that matches the path; at most its like beside it, which loses nothing by it."""
    return _MEANS_MORE.sub("?", path)


def touched(run: Run) -> list[str]:
    """The topmost paths that the plan has made or replaced, as the journal has them."""
    paths: set[str] = set()
    for step in run.plan.steps:
        state = run.journal.before(step.key) or {}
        paths.update([state["missing"]] if "missing" in state else [])
        paths.update(state.get("made", []))
        if isinstance(step, plan.Node):
            paths.add(run.paths[step.path])
        elif isinstance(step, Presets):
            # Enabling makes links in directories of other units.
            paths.add(UNIT_DIR)
    if any(isinstance(step, (plan.Group, plan.User)) for step in run.plan.steps):
        etc = Path("/etc")
        paths.update(str(path) for pattern in ACCOUNT_FILES for path in etc.glob(pattern))
        paths.update(_homes(run))
    return sorted(path for path in paths if not _covered(path, paths))


def _homes(run: Run) -> Iterator[str]:
    accounts = database.accounts()
    for step in run.plan.steps:
        if isinstance(step, plan.User) and step.should_exist and step.name in accounts:
            # A home may be reached by a link, as /root is on some systems.
            home = Path(accounts[step.name].home).resolve()
            # One that was not made for the user (/var/lib, say) only gets the keys.
            made = home / ".ssh" if step.no_create_home else home
            if made.is_dir() and made != Path("/"):
                yield str(made)


def _covered(path: str, paths: set[str]) -> bool:
    """Whether a directory above is labelled with all below it."""
    return any(str(above) in paths for above in Path(path).parents)
