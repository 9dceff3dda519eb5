"""Unit files, drop-ins and masks in ``/etc/systemd/system``, as Ignition writes them
(``internal/exec/util/unit.go``, ``internal/exec/stages/files/units.go``)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from . import files
from .errors import Finding
from .handler import Handler, Run
from .journal import State
from .nodes import first_missing
from .outlook import Outlook
from .paths import NodeKind, kind_at, parents, resolve
from .system_steps import Unit

UNIT_DIR = "/etc/systemd/system"
MASK = "/dev/null"


def unit_path(name: str) -> str:
    """Where the unit's own file stands; links in the directories above are followed."""
    return resolve(f"{UNIT_DIR}/{name}")


def dropin_path(unit: str, dropin: str) -> str:
    return resolve(f"{UNIT_DIR}/{unit}.d/{dropin}")


def is_masked(path: str) -> bool:
    """Whether exactly a link to /dev/null stands there."""
    return kind_at(path) is NodeKind.LINK and str(Path(path).readlink()) == MASK


class UnitHandler(Handler[Unit]):
    """Replaces whatever is no directory; a mask replaces directories too."""

    alone = False

    def check(self, step: Unit, outlook: Outlook) -> Iterator[Finding]:
        for number, dropin in enumerate(step.dropins):
            path = dropin_path(step.name, dropin.name)
            yield from _findings(f"{step.at}.dropins.{number}", path, outlook)
            outlook.needs_space(path, len(dropin.contents.data))
        path = unit_path(step.name)
        if step.contents is not None:
            yield from _findings(f"{step.at}.contents", path, outlook)
            outlook.needs_space(path, len(step.contents.data))
        elif step.mask:
            yield from _above(f"{step.at}.mask", path, outlook)

    def before(self, step: Unit, run: Run) -> State:
        paths = [dropin_path(step.name, dropin.name) for dropin in step.dropins]
        if step.contents is not None or step.mask:
            paths.append(unit_path(step.name))
        # What SELinux has to label afterwards; the whole directory of drop-ins if it is new.
        return {"made": sorted({first_missing(path) for path in paths})}

    def renew(self, step: Unit, before: State, run: Run) -> State:
        return {"made": sorted({*before["made"], *self.before(step, run)["made"]})}

    def apply(self, step: Unit, before: State, run: Run) -> None:
        for dropin in step.dropins:
            files.replace_file(dropin_path(step.name, dropin.name), (dropin.contents,))
            run.machine.point("drop-in written")
        path = unit_path(step.name)
        if step.contents is not None and not step.mask:
            files.replace_file(path, (step.contents,))
        if step.mask:
            if kind_at(path) is NodeKind.DIRECTORY:
                files.remove(path)
                run.machine.point("removed")
            files.replace_link(path, MASK, uid=0, gid=0)
        elif step.mask is False and is_masked(path):
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()


def _findings(at: str, path: str, outlook: Outlook) -> Iterator[Finding]:
    if outlook.kind_at(path) is NodeKind.DIRECTORY:
        yield Finding(at, f"{path} is a directory", "remove it, or name the unit otherwise")
    yield from _above(at, path, outlook)


def _above(at: str, path: str, outlook: Outlook) -> Iterator[Finding]:
    for above in parents(path):
        if outlook.kind_at(above) not in (NodeKind.ABSENT, NodeKind.DIRECTORY):
            yield Finding(at, f"{above}, above {path}, is no directory", "remove it")
