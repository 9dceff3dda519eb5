"""Groups, and what groups and users have in common: each step is a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from . import account_files, database, names, snapshot
from .errors import ApplyError, Finding
from .handler import Handler, Run
from .journal import State
from .outlook import Outlook
from .plan import Group, Step

S = TypeVar("S", bound=Step)

PACKAGE_ADVICE = "install the distribution's package of the shadow suite (passwd, shadow-utils)"


def missing_programs(step: Step, programs: Iterator[str], outlook: Outlook) -> Iterator[Finding]:
    for program in programs:
        if not outlook.machine.has(program):
            yield Finding(step.at, f"the program {program} is not installed", PACKAGE_ADVICE)


def name_findings(step: Step, name: str, program: str, outlook: Outlook) -> Iterator[Finding]:
    """Why the program would not make an account of that name."""
    obstacle = names.obstacle(program, name, outlook.machine)
    if obstacle:
        yield Finding(f"{step.at}.name", obstacle, "use a-z, 0-9, - and _, at most 31 of them")


class AccountHandler(Handler[S]):
    """Takes copies of the account files before the step, and puts them back if it fails."""

    def before(self, step: S, run: Run) -> State:
        snapshot.take(run.machine.state_dir, step.key)
        return self.look(step)

    def renew(self, step: S, before: State, run: Run) -> State:
        """What an earlier plan has made whole counts as there before."""
        if snapshot.belongs_to(run.machine.state_dir, step.key):
            snapshot.restore(run.machine.state_dir, step.key)
        return self.before(step, run)

    def apply(self, step: S, before: State, run: Run) -> None:
        if step.key not in run.fresh:
            # Not otherwise: what else writes accounts early in a boot (sysusers) would be undone.
            snapshot.restore(run.machine.state_dir, step.key)
        try:
            self.change(step, before, run)
        except (ApplyError, OSError):
            # Undone at once: until the next try, others may change these files.
            self.undo(step, before, run)
            snapshot.restore(run.machine.state_dir, step.key)
            run.journal.forget(step.key)
            raise

    def look(self, step: S) -> State:
        """What the account was before."""
        raise NotImplementedError

    def undo(self, step: S, before: State, run: Run) -> None:
        """Take back what stands outside the account files, as far as :meth:`change` has come."""

    def change(self, step: S, before: State, run: Run) -> None:
        """Do it, on account files that are as they were before."""
        raise NotImplementedError


class GroupHandler(AccountHandler[Group]):
    """A group that exists gets its number and password; another is made, or removed."""

    def check(self, step: Group, outlook: Outlook) -> Iterator[Finding]:
        exists = step.name in outlook.groups
        if step.key not in outlook.befores:
            yield from missing_programs(step, self._programs(step, exists), outlook)
            yield from self._findings(step, exists, outlook)
        if step.should_exist:
            known = outlook.groups.get(step.name)
            outlook.groups[step.name] = known if step.gid is None else step.gid
        else:
            outlook.groups.pop(step.name, None)

    def _programs(self, step: Group, exists: bool) -> Iterator[str]:
        if not step.should_exist:
            yield "groupdel"
        else:
            yield "groupmod" if exists else "groupadd"

    def _findings(self, step: Group, exists: bool, outlook: Outlook) -> Iterator[Finding]:
        if not step.should_exist:
            users = [a for a in database.accounts().values() if exists and a.gid == _gid(step.name)]
            if users:
                message = f"{step.name} is the primary group of {users[0].name}"
                yield Finding(step.at, message, "give that user another primary group first")
            return
        if not exists:
            yield from name_findings(step, step.name, "groupadd", outlook)
        for name, gid in outlook.groups.items():
            if step.gid is not None and gid == step.gid and name != step.name:
                yield Finding(f"{step.at}.gid", f"the group {name} has this number", "use another")

    def look(self, step: Group) -> State:
        return {"exists": step.name in database.groups()}

    def change(self, step: Group, before: State, run: Run) -> None:
        machine = run.machine
        if not step.should_exist:
            if before["exists"]:
                machine.run(["groupdel", step.name])
            return
        number = ["--gid", str(step.gid)] if step.gid is not None else []
        if not before["exists"]:
            system = ["--system"] if step.system else []
            machine.run(["groupadd", *number, *system, step.name])
        elif number:
            machine.run(["groupmod", *number, step.name])
        if step.password_hash:
            account_files.set_group_password(step.name, step.password_hash)


def _gid(name: str) -> int | None:
    group = database.groups().get(name)
    return group.gid if group else None
