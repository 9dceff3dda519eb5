"""Groups and users at random: new ones, and those that the root has."""

from __future__ import annotations

from typing import Any

from tests.differential import furnish
from tests.differential.draws import Draws, present

_KEYS = [
    "ssh-ed25519 AAAAC3Nza one@host",
    "ssh-rsa AAAAB3Nza",
    'from="10.0.0.1" ssh-rsa AAAA x',
    "",
    "# a remark\nssh-rsa AAAA two-lines\n",
]
_HASHES = ["$6$salt$hashhash", "$y$j9T$abc$def", "!", "", "*", "!$6$salt$x"]
_SHELLS = ["/bin/bash", "/usr/sbin/nologin", "/bin/sh", "/no/such/shell"]
_NEW_USERS = ["core", "nina", "omar", "web-1", "zed", "_dash.dot", "x" * 32]
_NEW_GROUPS = ["ops", "web", "nina", "big", "zeta", "g" * 32]
_SYSTEM_GROUPS = ["staff", "adm", "sudo"]
_SYSTEM_USERS = ["root", "games"]
_ODD_NAMES = ["UPPER", "with space", "1digit", "-dash", "x" * 33, "ünï", "12345", "tail$"]


def draw_passwd(draws: Draws) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Groups and users of one config."""
    if draws.chance(0.25):
        return [], []
    known = [*furnish.GROUPS, *_SYSTEM_GROUPS]
    names = draws.some(_NEW_GROUPS, 3) + (draws.some(known, 2) if draws.chance(0.4) else [])
    draws.random.shuffle(names)
    groups = [_group(draws, name) for name in names]
    present_ = [group["name"] for group in groups if group.get("shouldExist") is not False]
    gone = [group["name"] for group in groups if group.get("shouldExist") is False]
    usable = [name for name in [*known, *present_] if name not in gone]
    names = draws.some(_NEW_USERS, 3)
    if draws.chance(0.5):
        names += draws.some([*furnish.USERS, *_SYSTEM_USERS], 2)
    draws.random.shuffle(names)
    return groups, [_user(draws, name, usable, [*known, *present_]) for name in names]


def _group(draws: Draws, name: str) -> dict[str, Any]:
    exists = name in furnish.GROUPS or name in _SYSTEM_GROUPS
    # The primary group of a user cannot be deleted.
    removable = name in ("locked", "vacant", "staff") or not exists
    if draws.chance(0.15) and (removable or draws.risk(0.5)):
        return {"name": name, "shouldExist": False}
    if draws.risk(0.03):
        name = draws.random.choice(_ODD_NAMES)
    return {
        "name": name,
        **present(
            {
                "gid": draws.maybe(_id(draws), 0.4),
                "passwordHash": draws.maybe(draws.random.choice(["$6$g$h", "!", ""])),
                "system": draws.maybe(draws.chance(0.7)),
                "shouldExist": draws.maybe(True, 0.1),
            }
        ),
    }


def _id(draws: Draws) -> int:
    if draws.risk(0.15):
        return draws.random.choice([0, 1500, 2001, 990, -1, 65534, 2**32 - 2, 2**32])
    return draws.random.randint(3000, 60000)


def _user(draws: Draws, name: str, usable: list[str], named: list[str]) -> dict[str, Any]:
    exists = name in furnish.USERS or name in _SYSTEM_USERS
    # That root cannot be removed is a difference that is meant.
    if draws.chance(0.1) and name != "root":
        return {"name": name, "shouldExist": False}
    gecos = ["Nina, the one", "", "ünicode", "a b", "a:b" if draws.risk(0.2) else "x"]
    user: dict[str, Any] = {
        "passwordHash": draws.maybe(draws.random.choice(_HASHES)),
        "sshAuthorizedKeys": draws.maybe(draws.random.sample(_KEYS, draws.random.randint(0, 3))),
        "gecos": draws.maybe(draws.random.choice(gecos)),
        "shell": draws.maybe(draws.random.choice(_SHELLS[: 4 if draws.risk(0.5) else 3])),
        "groups": draws.maybe(draws.some(usable, 3)),
        "primaryGroup": draws.maybe(draws.random.choice(usable), 0.2),
        "uid": draws.maybe(_id(draws)),
        "system": draws.maybe(draws.chance(0.7), 0.2),
        "noCreateHome": draws.maybe(draws.chance(0.6), 0.15),
        "noUserGroup": draws.maybe(draws.chance(0.7), 0.2),
        "noLogInit": draws.maybe(True, 0.1),
        "shouldExist": draws.maybe(True, 0.1),
    }
    homes = [f"/var/home/{name}", f"/srv/new-home-{name}", "/home/alice", "/"]
    deep = "/srv/deep/er/home"
    if draws.chance(0.15):
        user["homeDir"] = draws.random.choice([*homes, deep] if draws.risk(0.4) else homes[1:2])
    if name == "root":
        # Moving the home or id of root is a way to break any system.
        user = {k: user[k] for k in ("passwordHash", "sshAuthorizedKeys", "gecos", "shell")}
    elif not exists and name in named and not user["primaryGroup"] and not draws.risk(0.5):
        user["primaryGroup"] = name if name in usable else "devs"
    if user.get("noCreateHome") and not draws.risk(0.3):
        user["sshAuthorizedKeys"] = None
    if draws.risk(0.08):
        user["groups"] = ["no-such-group"]
    if draws.risk(0.05):
        name = draws.random.choice(_ODD_NAMES)
    return {"name": name, **present(user)}
