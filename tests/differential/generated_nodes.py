"""Directories, files and links at random, in new places and where something stands already."""

from __future__ import annotations

import base64
import gzip
import hashlib
from typing import Any
from urllib.parse import quote

from tests.differential import furnish
from tests.differential.draws import Draws, present

_PARENTS = [
    *("/srv/have", "/srv/have/dir", "/srv/have/dir/sub", "/srv/have/setgid", "/srv/have/sticky"),
    *("/srv/have/empty", "/srv/have/link-dir", "/srv/have/link-abs", "/srv/have/link-up"),
    *("/srv/have/link-chain", "/srv/have/setgid/new", "/srv/have/link-dir/new/deeper"),
    *("/srv/new", "/srv/new/a/b/c", "/opt/bin", "/usr/local/bin", "/home/alice", "/var/lib/thing"),
    *("/etc", "/etc/profile.d", "/etc/sudoers.d", "/etc/containers/systemd", "/etc/systemd/user"),
    *("/etc/NetworkManager/system-connections", "/etc/ssh/sshd_config.d", "/etc/zincati/config.d"),
    *("/etc/systemd/system/x.service.d", "/etc/systemd/system/multi-user.target.wants"),
]
#: What else a name may hold.
_ODD_NAMES = [
    *(
        "with blank",
        "-dash",
        "ünï",
        "quo'te\"s",
        "$dollar`tick",
        "back\\slash",
        "%41;semi",
        "a" * 255,
    ),
    *("new\nline", "*?[x]", "~tilde", ".hidden", "#hash", "=", "{brace}", "EOF"),
]
#: The same places by way of links.
_ALIASES = [
    *("/srv/have/link-dir/child", "/srv/have/link-dir/sub/deep", "/srv/have/link-up/file"),
    *("/srv/have/link-abs/file", "/srv/have/dir/sub/deep", "/srv/other/file"),
]
_REPLACEABLE = [
    *("/srv/have/link-file", "/srv/have/fifo", "/srv/have/dangling", "/srv/have/empty"),
    *("/srv/have/socket", "/srv/have/device"),
]
#: Files that the distribution brings.
_SYSTEM_FILES = ["/etc/issue", "/etc/motd", "/etc/hosts", "/etc/profile", "/etc/subuid"]
_UNIT_FILE = "/etc/systemd/system/byfile.service"
_SPECIAL_MODES = [0o4755, 0o2755, 0o1777, 0o2700, 0o6711]
_RISKY_OWNERS: list[dict[str, Any]] = [{"name": "nobody-knows"}, {"id": -1}]
_UNSET_OWNERS: list[dict[str, Any]] = [{"name": ""}, {}, {"name": None}]
_MODES = [0o600, 0o644, 0o755, 0o400, 0o777, 0o0, 0o640]
_TEXTS = [
    "",
    "hello\n",
    "no newline",
    "\x00\x01\xff bytes",
    "ünï\n",
    "EOF\n$x `y` \\ '\"\n",
    "x" * 3000,
    "carriage\r\nreturn\r\n",
    "[Unit]\nDescription=by file\n[Service]\nExecStart=/bin/true\n"
    "[Install]\nWantedBy=multi-user.target\n",
]
_SYMBOLIC_TARGETS = [
    *("/srv/other", "../have/file", "/no/where", "x/../y", "a", ".", "/", "/srv/other/"),
    *("ünï code", "../../../../../etc/issue", "x" * 200, "//double//slash", "$HOME/`id`"),
]


class Nodes:
    """Draws the nodes of one config; no two of them in the same place.

    :param newest: also special mode bits, which 2.14 applies where the newest masks them.
    """

    def __init__(
        self,
        draws: Draws,
        groups: list[dict[str, Any]],
        users: list[dict[str, Any]],
        *,
        newest: bool,
    ) -> None:
        self._draws = draws
        self._modes = _MODES + _SPECIAL_MODES if newest else _MODES
        self._users = [user["name"] for user in users if user.get("shouldExist") is not False]
        self._gone = [user["name"] for user in users if user.get("shouldExist") is False]
        self._groups = [group["name"] for group in groups if group.get("shouldExist") is not False]
        homes = [_home(user) for user in users if user["name"] != "root"]
        self._homes = homes + [f"{home}/.config/systemd/user" for home in homes]
        self._in_homes = [
            f"{home}/{name}"
            for home in homes
            for name in (".bashrc", ".profile", ".ssh/authorized_keys", "notes")
        ]
        self._taken: set[str] = set()
        self._files: list[str] = []
        self._under: list[str] = []

    def storage(self) -> dict[str, Any]:
        draws = self._draws
        if draws.chance(0.2):
            return {}
        directories = [self._directory() for _ in range(draws.random.randint(0, 3))]
        files = [self._file() for _ in range(draws.random.randint(0, 5))]
        links = [self._link() for _ in range(draws.random.randint(0, 3))]
        return present(
            {
                "directories": [node for node in directories if node],
                "files": [node for node in files if node],
                "links": [node for node in links if node],
            }
        )

    def _place(self, existing: list[str]) -> tuple[str, bool]:
        """A free path, and whether something stands there already; "" if none was found."""
        draws = self._draws
        for _ in range(20):
            if existing and draws.chance(0.35):
                path, stands = draws.random.choice(existing), True
            else:
                parent = draws.random.choice([*_PARENTS, *self._under * 2, *self._homes * 3])
                if draws.risk(0.05):
                    parent = draws.random.choice(["/srv/have/file", "/srv/have/dangling"])
                name = f"{draws.random.choice('abcdefgh')}{len(self._taken)}"
                if draws.chance(0.08):
                    name = draws.random.choice(_ODD_NAMES)
                path, stands = f"{parent}/{name}", False
            # Of a link to a link Ignition resolves the first; which counts if the other goes.
            if "/srv/have/link-dir" in (path, *self._taken) and "link-chain" in path + "".join(
                self._taken
            ):
                continue
            if path not in self._taken and not self._crosses(path):
                self._taken.add(path)
                return path, stands
        return "", False

    def _crosses(self, path: str) -> bool:
        """Below or above another node that this config already has, other than a directory."""
        below = any(path.startswith(other + "/") for other in self._taken - set(self._under))
        above = any(other.startswith(path + "/") for other in self._taken)
        return (below or above) and not self._draws.risk(0.3)

    def _owner(self, names: list[str], ids: list[int]) -> dict[str, Any] | None:
        draws = self._draws
        if draws.chance(0.6):
            return None
        if draws.risk(0.08):
            return dict(draws.random.choice(_RISKY_OWNERS))
        if draws.chance(0.1):
            return dict(draws.random.choice(_UNSET_OWNERS))
        if draws.chance(0.5):
            return {"id": draws.random.choice(ids)}
        return {"name": draws.random.choice(names)}

    def _node(self, path: str) -> dict[str, Any]:
        known = [name for name in ("bob", "carol", "daemon") if name not in self._gone]
        users = ["root", *known, *self._users]
        groups = ["root", "devs", "adm", *self._groups]
        owners = {
            "user": self._owner(users, [0, 7, 1500, 54321]),
            "group": self._owner(groups, [0, 8, 2001, 54322]),
        }
        return {"path": path, **present(owners)}

    def _directory(self) -> dict[str, Any] | None:
        draws = self._draws
        existing = [path for path in furnish.DIRECTORIES if not path.startswith("/home")]
        if draws.risk(0.3):
            existing = [
                *("/srv/have/link-dir", "/srv/have/file", "/srv/have/fifo", "/srv/have/dangling"),
                "/srv/have/device",
            ]
        path, stands = self._place(existing)
        if not path or path == "/srv/have":
            return None
        node = self._node(path)
        if draws.chance(0.5):
            node["mode"] = draws.random.choice([*self._modes, 0o700, 0o750])
        if stands and draws.chance(0.3):
            node["overwrite"] = draws.chance(0.7)
        self._under.append(path)
        return node

    def _file(self) -> dict[str, Any] | None:
        draws = self._draws
        existing = [path for path in furnish.FILES if not path.startswith("/home/carol")]
        existing += ["/srv/have/hard-b", *_SYSTEM_FILES, *self._in_homes, *_ALIASES]
        path, stands = self._place([*existing, *_REPLACEABLE, _UNIT_FILE])
        if not path:
            return None
        stands = stands and path != _UNIT_FILE
        node = self._node(path)
        if draws.chance(0.5):
            node["mode"] = draws.random.choice(self._modes)
        if draws.chance(0.7):
            node["contents"] = self._resource()
        elif draws.chance(0.1):
            node["contents"] = draws.random.choice([{}, {"source": None}, {"verification": {}}])
        if draws.chance(0.25):
            node["append"] = [self._resource() for _ in range(draws.random.randint(1, 2))]
        if stands and not draws.risk(0.5):
            if path in _REPLACEABLE or node.get("contents", {}).get("source") is not None:
                node["overwrite"] = True
        elif draws.chance(0.15):
            node["overwrite"] = draws.chance(0.7)
        # 2.14 and the newest refuse overwrite without contents when validating.
        if node.get("overwrite") and not node.get("contents", {}).get("source"):
            node["contents"] = {"source": "data:,over"}
        self._files.append(path)
        return node

    def _resource(self) -> dict[str, Any]:
        draws = self._draws
        text = draws.random.choice(_TEXTS).encode("utf-8", "surrogateescape")
        digest, hashed = hashlib.sha512(text).hexdigest(), "sha512"
        if draws.minor >= 1 and draws.chance(0.3):
            digest, hashed = hashlib.sha256(text).hexdigest(), "sha256"
        if draws.risk(0.04):
            digest = "0" * len(digest)
        packed = draws.minor >= 1 and draws.chance(0.2)
        data = gzip.compress(text, mtime=0) if packed else text
        if packed and draws.chance(0.3):
            half = len(text) // 2
            data = gzip.compress(text[:half], mtime=0) + gzip.compress(text[half:], mtime=0)
        if packed and draws.risk(0.1):
            data = draws.random.choice([data[:-3], data + b"x", text, b""])
        resource: dict[str, Any] = {"source": "data:;base64," + base64.b64encode(data).decode()}
        if draws.chance(0.3):
            resource["source"] = (
                "data:"
                + draws.random.choice([",", "text/plain;charset=utf-8,", "text/plain,"])
                + quote(data, safe="/:=@")
            )
        if packed:
            resource["compression"] = "gzip"
        elif draws.chance(0.05):
            resource["compression"] = draws.random.choice(["", None])
        if draws.chance(0.3):
            resource["verification"] = {"hash": f"{hashed}-{digest}"}
        return resource

    def _link(self) -> dict[str, Any] | None:
        draws = self._draws
        existing = [
            *("/srv/have/link-file", "/srv/have/link-abs", "/srv/have/dangling"),
            *("/srv/have/hard-b", "/srv/have/device", "/srv/have/socket", "/etc/localtime"),
        ]
        path, stands = self._place(existing)
        if not path:
            return None
        node = self._node(path)
        if draws.chance(0.3):
            node["hard"] = True
            targets = [*self._files, "/srv/have/file", "/srv/have/link-file", "/srv/have/hard-a"]
            targets += ["/srv/have/link-dir/child", "/srv/have/fifo"]
            if draws.risk(0.1):
                targets = ["/srv/have/missing", "/srv/have/dir"]
            node["target"] = draws.random.choice(targets)
            if draws.chance(0.1):
                node["target"] = node["target"].lstrip("/")
        else:
            node["target"] = draws.random.choice(_SYMBOLIC_TARGETS)
            if stands and draws.chance(0.4):
                node["target"] = furnish.LINKS.get(path, "/srv/other")
            if draws.chance(0.05):
                node["hard"] = False
        if stands and not draws.risk(0.5) and node["target"] != furnish.LINKS.get(path):
            node["overwrite"] = True
        elif draws.chance(0.1):
            node["overwrite"] = False
        return node


def _home(user: dict[str, Any]) -> str:
    name: str = user["name"]
    known = furnish.USERS[name][3] if name in furnish.USERS else f"/home/{name}"
    return str(user.get("homeDir") or known).rstrip("/")
