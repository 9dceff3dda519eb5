"""Random Ignition configs aimed at a furnished root (see ``furnish``).

About two thirds stay with what Ignition accepts; the others take risks: existing nodes without
``overwrite``, unknown owners, ids that are taken, directories where a file should be.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
from typing import Any

from tests.differential import furnish

SPECS = ("3.0.0", "3.1.0", "3.2.0", "3.3.0")
#: What only a newer Ignition than Debian's knows.
NEWER_SPECS = ("3.4.0", "3.5.0", "3.6.0")
_KEYS = [
    "ssh-ed25519 AAAAC3Nza one@host",
    "ssh-rsa AAAAB3Nza",
    'from="10.0.0.1" ssh-rsa AAAA x',
    "",
]
_HASHES = ["$6$salt$hashhash", "$y$j9T$abc$def", "!", "", "*", "!$6$salt$x"]
_SHELLS = ["/bin/bash", "/usr/sbin/nologin", "/bin/sh", "/no/such/shell"]
_NEW_USERS = ["core", "nina", "omar", "web-1", "zed"]
_NEW_GROUPS = ["ops", "web", "nina", "big", "zeta"]
_PARENTS = [
    "/srv/have",
    "/srv/have/dir",
    "/srv/have/dir/sub",
    "/srv/have/setgid",
    "/srv/have/sticky",
    "/srv/have/empty",
    "/srv/have/link-dir",
    "/srv/have/link-abs",
    "/srv/have/link-up",
    "/srv/have/link-chain",
    "/srv/have/setgid/new",
    "/srv/have/link-dir/new/deeper",
    "/srv/new",
    "/srv/new/a/b/c",
    "/etc",
    "/etc/profile.d",
    "/opt/bin",
    "/usr/local/bin",
    "/home/alice",
    "/var/lib/thing",
    "/etc/systemd/system/x.service.d",
]
_SPECIAL_MODES = [0o4755, 0o2755, 0o1777, 0o2700, 0o6711]
_MODES = [0o600, 0o644, 0o755, 0o400, 0o777, 0o0, 0o640]
_TEXTS = [
    "",
    "hello\n",
    "no newline",
    "\x00\x01\xff bytes",
    "ünï\n",
    "EOF\n$x `y` \\ '\"\n",
    "x" * 3000,
]
_EXEC = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
_INSTALLS = [
    "",
    "[Install]\nWantedBy=multi-user.target\n",
    "[Install]\nWantedBy=multi-user.target sysinit.target\n",
    "[Install]\nRequiredBy=basic.target\nAlias=second.service\n",
    "[Install]\nWantedBy=default.target\nAlso=vendor-off.service\n",
]


class Generator:
    """Configs drawn from one seed; each draw is a function of the seed and its number.

    :param newest: for the newest Ignition: also specs, and special mode bits, that 2.14 lacks.
    """

    def __init__(self, seed: int, number: int, *, newest: bool = False) -> None:
        self.specs = SPECS + NEWER_SPECS if newest else SPECS
        self.modes = _MODES + _SPECIAL_MODES if newest else _MODES
        self.random = random.Random(f"{seed}/{number}")
        self.risky = self.random.random() < 0.35

    def config(self) -> dict[str, Any]:
        self.spec = self.random.choice(self.specs)
        config: dict[str, Any] = {"ignition": {"version": self.spec}}
        groups, users = self._passwd()
        self.groups, self.users = groups, users
        passwd = _present({"groups": groups, "users": users})
        storage = self._storage()
        units = [self._unit(name) for name in self._unit_names()]
        if passwd:
            config["passwd"] = passwd
        if storage:
            config["storage"] = storage
        if units:
            config["systemd"] = {"units": units}
        return config

    # Small draws -------------------------------------------------------------------------------

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _risk(self, probability: float) -> bool:
        return self.risky and self._chance(probability)

    def _some(self, items: list[str], most: int) -> list[str]:
        return self.random.sample(items, self.random.randint(0, min(most, len(items))))

    def _maybe(self, value: Any, probability: float = 0.3) -> Any:
        return value if self._chance(probability) else None

    # Accounts ----------------------------------------------------------------------------------

    def _passwd(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        if self._chance(0.25):
            return [], []
        known = [*furnish.GROUPS, "staff", "adm", "sudo"]
        names = self._some(_NEW_GROUPS, 3) + (self._some(known, 2) if self._chance(0.4) else [])
        self.random.shuffle(names)
        groups = [self._group(name) for name in names]
        present = [group["name"] for group in groups if group.get("shouldExist") is not False]
        gone = [group["name"] for group in groups if group.get("shouldExist") is False]
        usable = [name for name in [*known, *present] if name not in gone]
        names = self._some(_NEW_USERS, 3)
        if self._chance(0.5):
            names += self._some([*furnish.USERS, "root", "games"], 2)
        self.random.shuffle(names)
        return groups, [self._user(name, usable, [*known, *present]) for name in names]

    def _group(self, name: str) -> dict[str, Any]:
        group = {"name": name}
        exists = name in furnish.GROUPS or name in ("staff", "adm", "sudo")
        # The primary group of a user cannot be deleted.
        removable = name in ("locked", "vacant", "staff") or not exists
        if self._chance(0.15) and (removable or self._risk(0.5)):
            return {"name": name, "shouldExist": False}
        group.update(
            _present(
                {
                    "gid": self._maybe(self._id(), 0.4),
                    "passwordHash": self._maybe(self.random.choice(["$6$g$h", "!", ""])),
                    "system": self._maybe(self._chance(0.7)),
                    "shouldExist": self._maybe(True, 0.1),
                }
            )
        )
        return group

    def _id(self) -> int:
        if self._risk(0.15):
            return self.random.choice([0, 1500, 2001, 990])
        return self.random.randint(3000, 60000)

    def _user(self, name: str, usable: list[str], named: list[str]) -> dict[str, Any]:
        exists = name in furnish.USERS or name in ("root", "games")
        # That root cannot be removed is a difference that is meant.
        if self._chance(0.1) and name != "root":
            return {"name": name, "shouldExist": False}
        user: dict[str, Any] = {
            "passwordHash": self._maybe(self.random.choice(_HASHES)),
            "sshAuthorizedKeys": self._maybe(self.random.sample(_KEYS, self.random.randint(0, 3))),
            "gecos": self._maybe(self.random.choice(["Nina, the one", "", "ünicode", "a b"])),
            "shell": self._maybe(self.random.choice(_SHELLS[: 4 if self._risk(0.5) else 3])),
            "groups": self._maybe(self._some(usable, 3)),
            "primaryGroup": self._maybe(self.random.choice(usable), 0.2),
            "uid": self._maybe(self._id()),
            "system": self._maybe(self._chance(0.7), 0.2),
            "noCreateHome": self._maybe(self._chance(0.6), 0.15),
            "noUserGroup": self._maybe(self._chance(0.7), 0.2),
            "noLogInit": self._maybe(True, 0.1),
            "shouldExist": self._maybe(True, 0.1),
        }
        homes = [f"/var/home/{name}", f"/srv/new-home-{name}", "/home/alice", "/"]
        deep = "/srv/deep/er/home"
        if self._chance(0.15):
            user["homeDir"] = self.random.choice([*homes, deep] if self._risk(0.4) else homes[1:2])
        if name == "root":
            # Moving the home or id of root is a way to break any system.
            user = {k: user[k] for k in ("passwordHash", "sshAuthorizedKeys", "gecos", "shell")}
        elif not exists and name in named and not user["primaryGroup"] and not self._risk(0.5):
            user["primaryGroup"] = name if name in usable else "devs"
        if user.get("noCreateHome") and not self._risk(0.3):
            user["sshAuthorizedKeys"] = None
        if self._risk(0.08):
            user["groups"] = ["no-such-group"]
        if self._risk(0.05):
            name = self.random.choice(["UPPER", "with space", "1digit", "-dash"])
        return {"name": name, **_present(user)}

    # Nodes -------------------------------------------------------------------------------------

    def _storage(self) -> dict[str, Any]:
        if self._chance(0.2):
            return {}
        self.taken: set[str] = set()
        self.files: list[str] = []
        self.under: list[str] = []
        directories = [self._directory() for _ in range(self.random.randint(0, 3))]
        files = [self._file() for _ in range(self.random.randint(0, 5))]
        links = [self._link() for _ in range(self.random.randint(0, 3))]
        return _present(
            {
                "directories": [node for node in directories if node],
                "files": [node for node in files if node],
                "links": [node for node in links if node],
            }
        )

    def _place(self, existing: list[str]) -> tuple[str, bool]:
        """A free path, and whether something stands there already; "" if none was found."""
        for _ in range(20):
            if existing and self._chance(0.35):
                path, stands = self.random.choice(existing), True
            else:
                parent = self.random.choice([*_PARENTS, *self.under, *self.under])
                if self._risk(0.05):
                    parent = self.random.choice(["/srv/have/file", "/srv/have/dangling"])
                path, stands = f"{parent}/{self.random.choice('abcdefgh')}{len(self.taken)}", False
            # Of a link to a link Ignition resolves the first; which counts if the other goes.
            if "/srv/have/link-dir" in (path, *self.taken) and "link-chain" in path + "".join(
                self.taken
            ):
                continue
            if path not in self.taken and not self._crosses(path):
                self.taken.add(path)
                return path, stands
        return "", False

    def _crosses(self, path: str) -> bool:
        """Below or above another node that this config already has, other than a directory."""
        below = any(path.startswith(other + "/") for other in self.taken - set(self.under))
        above = any(other.startswith(path + "/") for other in self.taken)
        return (below or above) and not self._risk(0.3)

    def _owner(self, names: list[str], ids: list[int]) -> dict[str, Any] | None:
        if self._chance(0.6):
            return None
        if self._risk(0.08):
            return {"name": "nobody-knows"}
        if self._chance(0.1):
            return {"name": ""}
        if self._chance(0.5):
            return {"id": self.random.choice(ids)}
        return {"name": self.random.choice(names)}

    def _node(self, path: str) -> dict[str, Any]:
        users = [user["name"] for user in self.users if user.get("shouldExist") is not False]
        gone = [user["name"] for user in self.users if user.get("shouldExist") is False]
        groups = [group["name"] for group in self.groups if group.get("shouldExist") is not False]
        known = [name for name in ("bob", "carol", "daemon") if name not in gone]
        return {
            "path": path,
            **_present(
                {
                    "user": self._owner(["root", *known, *users], [0, 7, 1500, 54321]),
                    "group": self._owner(["root", "devs", "adm", *groups], [0, 8, 2001, 54322]),
                }
            ),
        }

    def _directory(self) -> dict[str, Any] | None:
        existing = [*furnish.DIRECTORIES][4:]
        if self._risk(0.3):
            existing = [
                "/srv/have/link-dir",
                "/srv/have/file",
                "/srv/have/fifo",
                "/srv/have/dangling",
            ]
        path, stands = self._place(existing)
        if not path or path == "/srv/have":
            return None
        node = self._node(path)
        if self._chance(0.5):
            node["mode"] = self.random.choice([*self.modes, 0o700, 0o750])
        if stands and self._chance(0.3):
            node["overwrite"] = self._chance(0.7)
        self.under.append(path)
        return node

    def _file(self) -> dict[str, Any] | None:
        existing = [path for path in furnish.FILES if not path.startswith("/home/carol")]
        existing.append("/srv/have/hard-b")
        replaceable = [
            "/srv/have/link-file",
            "/srv/have/fifo",
            "/srv/have/dangling",
            "/srv/have/empty",
        ]
        path, stands = self._place([*existing, *replaceable])
        if not path:
            return None
        node = self._node(path)
        if self._chance(0.5):
            node["mode"] = self.random.choice(self.modes)
        if self._chance(0.7):
            node["contents"] = self._resource()
        if self._chance(0.25):
            node["append"] = [self._resource() for _ in range(self.random.randint(1, 2))]
        if stands and not self._risk(0.5):
            if path in replaceable or node.get("contents", {}).get("source") is not None:
                node["overwrite"] = True
        elif self._chance(0.15):
            node["overwrite"] = self._chance(0.7)
        # 2.14 and the newest refuse overwrite without contents when validating.
        if node.get("overwrite") and not node.get("contents", {}).get("source"):
            node["contents"] = {"source": "data:,over"}
        self.files.append(path)
        return node

    def _resource(self) -> dict[str, Any]:
        text = self.random.choice(_TEXTS).encode("utf-8", "surrogateescape")
        digest = hashlib.sha512(text).hexdigest()
        if self._risk(0.04):
            digest = "0" * 128
        packed = self.spec != "3.0.0" and self._chance(0.2)
        data = gzip.compress(text, mtime=0) if packed else text
        resource: dict[str, Any] = {"source": "data:;base64," + base64.b64encode(data).decode()}
        if text == b"hello\n" and not packed and self._chance(0.5):
            resource["source"] = "data:,hello%0A"
        if packed:
            resource["compression"] = "gzip"
        if self._chance(0.3):
            resource["verification"] = {"hash": f"sha512-{digest}"}
        return resource

    def _link(self) -> dict[str, Any] | None:
        existing = [
            "/srv/have/link-file",
            "/srv/have/link-abs",
            "/srv/have/dangling",
            "/srv/have/hard-b",
        ]
        path, stands = self._place(existing)
        if not path:
            return None
        node = self._node(path)
        if self._chance(0.3):
            node["hard"] = True
            targets = [*self.files, "/srv/have/file", "/srv/have/link-file", "/srv/have/hard-a"]
            if self._risk(0.1):
                targets = ["/srv/have/missing", "/srv/have/dir"]
            node["target"] = self.random.choice(targets)
            if self._chance(0.1):
                node["target"] = node["target"].lstrip("/")
        else:
            node["target"] = self.random.choice(
                ["/srv/other", "../have/file", "/no/where", "x/../y", "a"]
            )
            if stands and self._chance(0.4):
                node["target"] = furnish.LINKS.get(path, "/srv/other")
        if stands and not self._risk(0.5) and node["target"] != furnish.LINKS.get(path):
            node["overwrite"] = True
        elif self._chance(0.1):
            node["overwrite"] = False
        return node

    # Units -------------------------------------------------------------------------------------

    def _unit_names(self) -> list[str]:
        if self._chance(0.2):
            return []
        existing = [
            *("vendor-on", "vendor-off", "vendor-alias", "static", "masked", "masked-missing"),
            *("masked-relative", "local", "also", "linked", "tmpl@", "tmpl@on", "tmpl@x", "dflt@"),
            *("dflt@one", "missing", "missing@", "missing@m"),
        ]
        new = ["alpha", "beta-2", "gam\\x2dma", "inst@", "inst@a", "inst@b", "inst@a-b_c"]
        names = [f"{name}.service" for name in self._some(existing, 4) + self._some(new, 4)]
        names += self._some(["tick.timer", "box.container.service", "a.path", "own.target"], 2)
        self.random.shuffle(names)
        return names

    def _unit(self, name: str) -> dict[str, Any]:
        stem, suffix = name.rsplit(".", 1)
        unit: dict[str, Any] = {"name": name}
        is_new = stem not in ("masked-missing", "missing", "missing@", "missing@m")
        if self._chance(0.5) and is_new:
            unit["contents"] = (
                "[Unit]\nDescription=from the config\n"
                + {
                    "service": _EXEC,
                    "timer": "[Timer]\nOnBootSec=1h\n",
                    "path": "[Path]\nPathExists=/no/such\n",
                    "target": "",
                }[suffix]
                + self.random.choice(_INSTALLS)
            )
        elif self._chance(0.05):
            unit["contents"] = ""
        if self._chance(0.6):
            unit["enabled"] = self._chance(0.7)
        if self._chance(0.25):
            unit["mask"] = self._chance(0.5)
        if self._chance(0.25):
            contents = ["[Service]\nEnvironment=A=b\n", "", "[Unit]\nAfter=local-fs.target\n", None]
            unit["dropins"] = [
                {"name": dropin, **_present({"contents": self.random.choice(contents)})}
                for dropin in self._some(["10-a.conf", "20 b.conf", "zz.conf"], 2)
            ]
        return unit


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != {}}
