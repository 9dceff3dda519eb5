"""Carrying out a plan: in order, journaled, and to the same end however often it is interrupted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from . import plan as plans
from . import snapshot, superseded
from .checking import check, resolve_paths
from .errors import ApplyError, Finding
from .files import remove
from .handler import Run
from .journal import Journal
from .kinds import HANDLERS
from .machine import Machine
from .mounts import mount_wanted
from .plan import Plan, Step
from .sequence import in_order

#: Steps whose state is written to the journal and synced together.
BATCH = 200


class Refused(ApplyError):
    """The check before the first change found something in the way; nothing was changed."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def execute(plan: Plan, machine: Machine, journal: Journal, *, anew: bool = False) -> bool:
    """Apply the plan, or what is left of it. Raises Refused or ApplyError.

    :param anew: the boot that another plan was applied in does not count any more.
    :return: False if there was nothing to do: a plan was applied to this instance before.
    """
    digest = plan.digest()
    if journal.finished == digest or (journal.finished is not None and not anew):
        if journal.finished != digest:
            machine.log("this instance has had another config; a config is applied only once")
        else:
            superseded.drop(plan, machine)
        # The power may have gone before this was done.
        tidy(plan, machine)
        return False
    os.umask(0o022)
    mount_wanted(plan, machine)
    paths, unresolved = resolve_paths(plan, journal.paths)
    findings = unresolved or check(plan, paths=paths, befores=journal.befores)
    if findings:
        raise Refused(tuple(findings))
    if journal.begun:
        machine.log("an earlier boot was interrupted; going on where it stopped")
    journal.start(digest, paths)
    run = Run(machine, in_order(plan, paths), paths, journal)
    for batch in batches(run):
        _apply_batch(batch, run)
    superseded.drop(plan, machine)
    journal.finish(digest)
    machine.point("finished")
    tidy(plan, machine)
    return True


def tidy(plan: Plan, machine: Machine) -> None:
    """Remove what only an unfinished job needs: copies of account files, fetched contents."""
    snapshot.drop(machine.state_dir)
    for step in plan.steps:
        if isinstance(step, plans.File):
            for item in (*([step.contents] if step.contents else ()), *step.append):
                if item.staged is not None:
                    remove(item.staged)
                    with contextlib.suppress(OSError):  # not empty yet, or gone already
                        Path(item.staged).parent.rmdir()


def batches(run: Run) -> Iterator[list[Step]]:
    """Steps that are not done yet, in runs that may share one sync."""
    batch: list[Step] = []
    for step in run.plan.steps:
        if run.journal.is_done(step.digest()):
            continue
        alone = HANDLERS[type(step)].alone or (isinstance(step, plans.Node) and step.overwrite)
        if batch and (alone or len(batch) == BATCH):
            yield batch
            batch = []
        batch.append(step)
        if alone:
            yield batch
            batch = []
    if batch:
        yield batch


def _apply_batch(batch: list[Step], run: Run) -> None:
    states = []
    for step in batch:
        state = run.journal.before(step.key)
        handler = HANDLERS[type(step)]
        if state is None or step.key in run.journal.inherited:
            with _naming(step):
                state = handler.renew(step, state, run) if state else handler.before(step, run)
            run.fresh.add(step.key)
            run.journal.begin(step.key, state)
        states.append(state)
    run.journal.sync()
    run.machine.point("begun")
    applied: list[Step] = []
    try:
        for step, state in zip(batch, states):
            run.machine.log(step.key)
            with _naming(step):
                HANDLERS[type(step)].apply(step, state, run)
            applied.append(step)
            run.machine.point("applied")
    finally:
        # After a failure too: by the next try others may have written to what is done.
        # One sync of everything is cheaper than one of every file and of every directory above it.
        run.machine.sync()
        for step in applied:
            run.journal.done(step.digest())
        run.journal.sync()
    run.machine.point("done")


@contextlib.contextmanager
def _naming(step: Step) -> Iterator[None]:
    """Errors of a step say which entry of the config it stands for."""
    try:
        yield
    except OSError as error:
        raise ApplyError(f"{step.key}: {error}", at=step.at) from error
    except ApplyError as error:
        if error.at:
            raise
        raise ApplyError(f"{step.key}: {error.message}", at=step.at, advice=error.advice) from error
