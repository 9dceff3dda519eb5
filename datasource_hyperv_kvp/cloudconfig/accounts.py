"""``passwd``: the steps for groups and users."""

from __future__ import annotations

from collections.abc import Iterator

from ..apply.plan import Group, User
from ..ignition.config import Config
from .refusals import Refusal

#: The administrator of Fedora CoreOS and Flatcar: their images have it, others do not.
CORE = "core"


def group_steps(config: Config) -> Iterator[Group]:
    """The groups in the config's order. An empty password hash is none, as in Ignition."""
    for index, group in enumerate(config.passwd.groups):
        yield Group(
            at=f"$.passwd.groups.{index}",
            name=group.name,
            gid=group.gid,
            password_hash=group.password_hash or None,
            should_exist=group.should_exist is not False,
            system=bool(group.system),
        )


def user_steps(config: Config, *, core_rights: bool) -> Iterator[User]:
    """The users in the config's order. Empty strings are unset, but for the password hash."""
    for index, user in enumerate(config.passwd.users):
        yield User(
            at=f"$.passwd.users.{index}",
            name=user.name,
            uid=user.uid,
            gecos=user.gecos or None,
            primary_group=user.primary_group or None,
            groups=user.groups,
            home_dir=user.home_dir or None,
            shell=user.shell or None,
            password_hash=user.password_hash,
            ssh_authorized_keys=user.ssh_authorized_keys,
            should_exist=user.should_exist is not False,
            system=bool(user.system),
            no_create_home=bool(user.no_create_home),
            no_user_group=bool(user.no_user_group),
            no_log_init=bool(user.no_log_init),
            default_user_rights=core_rights and user.name == CORE,
        )


def account_refusals(config: Config) -> Iterator[Refusal]:
    """What the programs of shadow would refuse or misread, and what would end the machine."""
    for index, group in enumerate(config.passwd.groups):
        at = f"$.passwd.groups.{index}"
        yield from _name_refusals(f"{at}.name", group.name)
        yield from _hash_refusals(f"{at}.passwordHash", group.password_hash)
        if group.should_exist is False and group.name == "root":
            yield Refusal(f"{at}.shouldExist", "the group root cannot be removed")
    for index, user in enumerate(config.passwd.users):
        at = f"$.passwd.users.{index}"
        yield from _name_refusals(f"{at}.name", user.name)
        yield from _hash_refusals(f"{at}.passwordHash", user.password_hash)
        for field, value in (
            ("gecos", user.gecos),
            ("homeDir", user.home_dir),
            ("shell", user.shell),
        ):
            if value and any(char in value for char in ":\n"):
                message = "a colon or a line end would break /etc/passwd"
                yield Refusal(f"{at}.{field}", message, "leave it out")
        if user.home_dir and not user.home_dir.startswith("/"):
            yield Refusal(f"{at}.homeDir", "the home directory is no absolute path")
        if user.name == "root":
            if user.should_exist is False:
                yield Refusal(f"{at}.shouldExist", "root cannot be removed")
            if user.uid not in (None, 0):
                yield Refusal(f"{at}.uid", "root's number is 0", "leave it out")


def _name_refusals(at: str, name: str) -> Iterator[Refusal]:
    # The union of what no version of shadow takes; what else it refuses, it says itself.
    if not name or name.startswith("-") or any(char in ":,/" or char.isspace() for char in name):
        yield Refusal(at, f"no account can be named {name!r}", "use a-z, 0-9, - and _")


def _hash_refusals(at: str, value: str | None) -> Iterator[Refusal]:
    if value and any(char in ":\n" for char in value):
        yield Refusal(at, "a colon or a line end cannot stand in a password hash")
