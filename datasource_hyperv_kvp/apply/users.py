"""Users: made, modified or removed as Ignition does it, on a machine that is running already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import account_files, database, homes, ssh_keys
from .accounts import AccountHandler, missing_programs, name_findings
from .errors import ApplyError, Finding
from .files import remove, replace_file
from .handler import Run
from .journal import State
from .outlook import Outlook
from .paths import NodeKind, kind_at
from .plan import Contents, User

#: Exit status of usermod and userdel when a process of the user runs.
BUSY = 8

#: What a new ``core`` is given, as far as the machine has it.
DEFAULT_USER_GROUPS = ("adm", "sudo", "systemd-journal", "wheel")
DEFAULT_USER_SHELL = "/bin/bash"
SUDOERS = Path("/etc/sudoers.d")


class UserHandler(AccountHandler[User]):
    """In Ignition's order: the account, its password, its SSH keys."""

    def check(self, step: User, outlook: Outlook) -> Iterator[Finding]:
        exists = step.name in outlook.users
        if step.key not in outlook.befores:
            yield from missing_programs(step, self._programs(step, exists), outlook)
            if step.should_exist:
                if not exists:
                    yield from name_findings(step, step.name, "useradd", outlook)
                yield from self._group_findings(step, exists, outlook)
                yield from self._number_findings(step, outlook)
                yield from homes.findings(step, exists)
            elif exists:
                yield from homes.removal_findings(step)
        homes.foresee(step, outlook)
        if not step.should_exist:
            outlook.users.pop(step.name, None)
            return
        outlook.users[step.name] = (
            step.uid if step.uid is not None else outlook.users.get(step.name)
        )
        if not exists and not step.primary_group and not step.no_user_group:
            outlook.groups.setdefault(step.name, None)

    def _programs(self, step: User, exists: bool) -> Iterator[str]:
        if not step.should_exist:
            if exists:
                yield "userdel"
            return
        yield "usermod" if exists else "useradd"

    def _group_findings(self, step: User, exists: bool, outlook: Outlook) -> Iterator[Finding]:
        wanted = [(f"{step.at}.groups.{n}", name) for n, name in enumerate(step.groups)]
        if step.primary_group:
            wanted.append((f"{step.at}.primaryGroup", step.primary_group))
        for at, name in wanted:
            numbers = {str(gid) for gid in outlook.groups.values()}
            if name not in outlook.groups and name not in numbers:
                yield Finding(at, f"there is no group {name!r}", "add it to passwd.groups")
        own_group = not (exists or step.primary_group or step.no_user_group)
        if own_group and step.name in outlook.groups and homes.user_groups_enabled():
            message = f"a group {step.name} exists, and the user would get one of that name"
            yield Finding(step.at, message, f"set primaryGroup to {step.name}, or noUserGroup")

    def _number_findings(self, step: User, outlook: Outlook) -> Iterator[Finding]:
        for name, uid in outlook.users.items():
            if step.uid is not None and uid == step.uid and name != step.name:
                yield Finding(f"{step.at}.uid", f"the user {name} has this number", "use another")

    def look(self, step: User) -> State:
        account = database.accounts().get(step.name)
        if account is None:
            home = step.home_dir or homes.default_home(step.name)
            # A link that leads nowhere is there too, and not ours to remove.
            there = kind_at(home) is not NodeKind.ABSENT
            # What SELinux has to label afterwards, beside the home.
            made = [_rule_file(step)] if step.default_user_rights else []
            return {"exists": False, "home": home, "home_exists": there, "made": made}
        return {
            "exists": True,
            "uid": account.uid,
            "gid": account.gid,
            "home": account.home,
        }

    def change(self, step: User, before: State, run: Run) -> None:
        if not step.should_exist:
            if before["exists"]:
                _delete(step, run)
            return
        if before["exists"]:
            _modify(step, before, run)
        else:
            _add(step, before, run)
        account = database.accounts()[step.name]
        if not step.no_create_home and kind_at(account.home) is NodeKind.ABSENT:
            raise ApplyError(
                f"the home directory {account.home} does not exist",
                advice="set noCreateHome if it is not meant to",
            )
        if step.password_hash is not None:
            account_files.set_user_password(step.name, step.password_hash or "*")
        if step.ssh_authorized_keys:
            run.machine.point("before keys")
            ssh_keys.write(account, step.ssh_authorized_keys)
        if step.default_user_rights and not before["exists"]:
            _allow_sudo(step)

    def undo(self, step: User, before: State, run: Run) -> None:
        if not step.should_exist:
            return
        if not before["exists"]:
            if not before["home_exists"]:
                remove(before["home"])
            return
        account = database.accounts().get(step.name)
        moved = step.home_dir or before["home"]
        if moved != before["home"] and kind_at(before["home"]) is NodeKind.ABSENT:
            homes.move(moved, before["home"], run.machine)
        if account is not None:
            new, old = (account.uid, account.gid), (before["uid"], before["gid"])
            homes.give(before["home"], new, old)


def _add(step: User, before: State, run: Run) -> None:
    if not before["home_exists"]:
        # What an interrupted run has begun to copy from /etc/skel.
        remove(before["home"])
    groups, shell, gecos = step.groups, step.shell, step.gecos
    if step.default_user_rights:
        known = database.groups()
        extra = (name for name in DEFAULT_USER_GROUPS if name in known and name not in groups)
        groups = (*groups, *extra)
        gecos = gecos or "CoreOS Admin"
        if shell is None and Path(DEFAULT_USER_SHELL).exists():
            shell = DEFAULT_USER_SHELL
    command = ["useradd", "--no-create-home" if step.no_create_home else "--create-home"]
    if step.home_dir:
        command += ["--home-dir", step.home_dir]
    command += ["--no-user-group"] if step.no_user_group else []
    command += ["--system"] if step.system else []
    command += ["--no-log-init"] if step.no_log_init else []
    # No password, and not locked either ("!"): keys work wherever sshd looks at the lock.
    command += ["--password", "*"]
    command += _common(step.uid, gecos, step.primary_group, groups, shell)
    run.machine.run([*command, step.name])


def _common(
    uid: int | None,
    gecos: str | None,
    primary_group: str | None,
    groups: tuple[str, ...],
    shell: str | None,
) -> list[str]:
    options: list[str] = []
    if uid is not None:
        options += ["--uid", str(uid)]
    if gecos:
        options += ["--comment", gecos]
    if primary_group:
        options += ["--gid", primary_group]
    if groups:
        options += ["--groups", ",".join(groups)]
    if shell:
        options += ["--shell", shell]
    return options


def _modify(step: User, before: State, run: Run) -> None:
    uid = step.uid if step.uid != before["uid"] else None
    home = step.home_dir if step.home_dir != before["home"] else None
    options = _common(uid, step.gecos, step.primary_group, step.groups, step.shell)
    moved = ["--home", home] if home else []
    if options or moved:
        command = ["usermod", *moved, *options, step.name]
        result = run.machine.try_run(command)
        if result.returncode == BUSY:
            # In Ignition's time no process runs; here root's always do. Number and home are
            # written to the file itself, all the rest usermod takes.
            options = _common(None, step.gecos, step.primary_group, step.groups, step.shell)
            if options:
                run.machine.run(["usermod", *options, step.name])
            account_files.set_number_and_home(step.name, uid, home)
        elif result.returncode != 0:
            said = " ".join(result.stderr.split())
            raise ApplyError(f"usermod ended with {result.returncode}: {said}")
    if home:
        run.machine.point("before move")
        homes.move(before["home"], home, run.machine)
    account = database.accounts()[step.name]
    homes.give(account.home, (before["uid"], before["gid"]), (account.uid, account.gid))


def _delete(step: User, run: Run) -> None:
    account = database.accounts()[step.name]
    command = ["userdel", "--remove", step.name]
    result = run.machine.try_run(command)
    shared = [
        other.name
        for other in database.accounts().values()
        if other.home == account.home and other.name != step.name
    ]
    if result.returncode == BUSY and not shared:
        # --force also removes a home that others use, so only where nobody else does.
        result = run.machine.try_run(["userdel", "--force", "--remove", step.name])
    if step.name in database.accounts():
        said = " ".join(result.stderr.split())
        raise ApplyError(f"userdel ended with {result.returncode}: {said}")


def _allow_sudo(step: User) -> None:
    """The rule that cloud-init gives to a distribution's default user."""
    if SUDOERS.is_dir():
        rule = (
            f"# Made with the account, as for a default user.\n{step.name} ALL=(ALL) NOPASSWD:ALL\n"
        )
        replace_file(_rule_file(step), [Contents(rule.encode())], mode=0o440)


def _rule_file(step: User) -> str:
    return str(SUDOERS / f"90-ignition-{step.name}")
