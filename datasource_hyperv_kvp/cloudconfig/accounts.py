"""``passwd``: the steps for groups and users."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..apply.plan import Group, User
from ..ignition.config import Config, PasswdUser
from .refusals import Refusal

#: The highest number of an account or owner: the next one means "leave it as it is".
MAX_ID = (1 << 32) - 2

#: The administrator of Fedora CoreOS and Flatcar: their images have it, others do not.
CORE = "core"

_CONTROL = re.compile("[\x00-\x1f\x7f]")


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
        if group.should_exist is False:
            if group.name == "root":
                yield Refusal(f"{at}.shouldExist", "the group root cannot be removed")
            continue
        yield from _number_refusals(f"{at}.gid", group.gid)
        yield from _field_refusals(f"{at}.passwordHash", group.password_hash)
    for index, user in enumerate(config.passwd.users):
        at = f"$.passwd.users.{index}"
        yield from _name_refusals(f"{at}.name", user.name)
        if user.should_exist is False:
            if user.name == "root":
                yield Refusal(f"{at}.shouldExist", "root cannot be removed")
            continue
        yield from _user_refusals(at, user)


def _user_refusals(at: str, user: PasswdUser) -> Iterator[Refusal]:
    yield from _number_refusals(f"{at}.uid", user.uid)
    for field, value in (
        ("passwordHash", user.password_hash),
        ("gecos", user.gecos),
        ("homeDir", user.home_dir),
        ("shell", user.shell),
    ):
        yield from _field_refusals(f"{at}.{field}", value)
    for field, path in (("homeDir", user.home_dir), ("shell", user.shell)):
        if path and not path.startswith("/"):
            yield Refusal(f"{at}.{field}", f"{path!r} is no absolute path")
    if user.name == "root" and user.uid not in (None, 0):
        yield Refusal(f"{at}.uid", "root's number is 0", "leave it out")


def _name_refusals(at: str, name: str) -> Iterator[Refusal]:
    # What no version of shadow takes; what else it refuses is asked of the machine's own.
    bad = not name or name.startswith("-") or any(char in ":,/" or char.isspace() for char in name)
    if bad or _CONTROL.search(name):
        yield Refusal(at, f"no account can be named {name!r}", "use a-z, 0-9, - and _")


def _field_refusals(at: str, value: str | None) -> Iterator[Refusal]:
    if value and (":" in value or _CONTROL.search(value)):
        message = "a colon, a line end or another control character would break the account files"
        yield Refusal(at, message, "leave it out")


def _number_refusals(at: str, number: int | None) -> Iterator[Refusal]:
    if number is not None and not 0 <= number <= MAX_ID:
        yield Refusal(at, f"{number} is the number of no account", f"use one from 0 to {MAX_ID}")
