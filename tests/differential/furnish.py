"""What stands in the root file system before a config is applied: nodes, accounts and units.

The generator aims at these names, so that every rule about existing things gets its turn.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

#: name -> (gid, members, password in gshadow)
GROUPS = {
    "devs": (2001, "alice", "!"),
    "locked": (2002, "", "$6$salt$grouphash"),
    "vacant": (2003, "", "*"),
    "alice": (1500, "", "!"),
    "carol": (1502, "", "!"),
    "svc": (990, "alice", "!"),
    "dora": (1504, "", "!"),
    "emil": (1505, "", "!"),
}
#: name -> (uid, gid, gecos, home, shell, password in shadow)
USERS = {
    "alice": (1500, 1500, "Alice,1,2,3", "/home/alice", "/bin/bash", "$6$salt$alicehash"),
    "bob": (1501, 2001, "", "/home/bob", "/bin/sh", "!"),
    "carol": (1502, 1502, "Carol", "/home/carol", "/bin/sh", "*"),
    "svc": (990, 990, "", "/srv/svc", "/usr/sbin/nologin", "!*"),
    "dora": (1504, 1504, "", "/home/dora", "/bin/bash", "*"),
    "emil": (1505, 1505, "", "/home/emil", "/bin/bash", "*"),
}
#: directories: path -> (mode, uid, gid)
DIRECTORIES = {
    "/home/alice": (0o700, 1500, 1500),
    "/home/carol": (0o755, 1502, 1502),
    "/home/carol/.ssh": (0o750, 1502, 1502),
    "/home/dora": (0o755, 1504, 1504),
    "/home/emil": (0o755, 1505, 1505),
    "/home/emil/.ssh": (0o700, 1505, 1505),
    "/srv/svc": (0o755, 990, 990),
    "/srv/other": (0o755, 0, 0),
    "/srv/have": (0o755, 0, 0),
    "/srv/have/dir": (0o750, 1500, 2001),
    "/srv/have/dir/sub": (0o700, 1500, 1500),
    "/srv/have/setgid": (0o2775, 0, 2001),
    "/srv/have/sticky": (0o1777, 0, 0),
    "/srv/have/empty": (0o711, 990, 990),
}
#: files: path -> (mode, uid, gid, contents)
FILES = {
    "/home/alice/notes": (0o600, 1500, 1500, "mine\n"),
    "/home/carol/.ssh/authorized_keys": (0o644, 1502, 1502, "ssh-rsa OLD carol\n"),
    "/srv/other/file": (0o644, 0, 0, "other\n"),
    "/srv/have/file": (0o640, 1500, 2001, "old\n"),
    "/srv/have/exec": (0o755, 0, 0, "#!/bin/sh\n"),
    "/srv/have/suid": (0o4755, 1500, 1500, "suid"),
    "/srv/have/dir/child": (0o600, 0, 0, "child"),
    "/srv/have/dir/sub/deep": (0o644, 1500, 1500, "deep"),
    "/srv/have/setgid/child": (0o664, 0, 2001, "x"),
    "/srv/have/hard-a": (0o644, 0, 0, "twin"),
}
#: symbolic links: path -> target
LINKS = {
    "/srv/have/link-file": "file",
    "/srv/have/link-dir": "dir",
    "/srv/have/link-abs": "/srv/other",
    "/srv/have/link-up": "../other",
    "/srv/have/dangling": "nowhere/at/all",
    "/srv/have/link-chain": "link-dir",
    "/home/dora/.ssh": "/srv/keys-of-dora",
    "/home/emil/.ssh/authorized_keys": "/srv/keys-of-emil",
}

_UNIT = "[Unit]\nDescription={0}\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
_INSTALL = "[Install]\nWantedBy=multi-user.target\n"
VENDOR = "/usr/lib/systemd/system"
LOCAL = "/etc/systemd/system"
UNITS = {
    f"{VENDOR}/vendor-on.service": _UNIT.format("vendor-on") + _INSTALL,
    f"{VENDOR}/vendor-off.service": _UNIT.format("vendor-off") + _INSTALL,
    f"{VENDOR}/vendor-alias.service": _UNIT.format("alias")
    + _INSTALL
    + "Alias=other-name.service\n",
    f"{VENDOR}/static.service": _UNIT.format("static"),
    f"{VENDOR}/masked.service": _UNIT.format("masked") + _INSTALL,
    f"{VENDOR}/tmpl@.service": _UNIT.format("%i") + _INSTALL,
    f"{VENDOR}/dflt@.service": _UNIT.format("%i") + _INSTALL + "DefaultInstance=zero\n",
    f"{LOCAL}/local.service": _UNIT.format("local") + _INSTALL,
    f"{LOCAL}/also.service": _UNIT.format("also") + _INSTALL + "Also=vendor-off.service\n",
    "/opt/linked.service": _UNIT.format("linked") + _INSTALL,
}
UNIT_LINKS = {
    f"{LOCAL}/multi-user.target.wants/vendor-on.service": f"{VENDOR}/vendor-on.service",
    f"{LOCAL}/multi-user.target.wants/local.service": f"{LOCAL}/local.service",
    f"{LOCAL}/multi-user.target.wants/tmpl@on.service": f"{VENDOR}/tmpl@.service",
    f"{LOCAL}/linked.service": "/opt/linked.service",
    f"{LOCAL}/masked.service": "/dev/null",
    f"{LOCAL}/masked-missing.service": "/dev/null",
    f"{LOCAL}/masked-relative.service": "../../../dev/null",
}


def furnish(root: Path) -> None:
    """Put all of the above into ``root``, which must hold a Debian-like system."""
    selinux = root / "etc/selinux"
    selinux.mkdir(exist_ok=True)
    (selinux / "config").write_text("SELINUX=disabled\nSELINUXTYPE=targeted\n")
    for path, (mode, uid, gid) in DIRECTORIES.items():
        directory = _at(root, path)
        directory.mkdir(parents=True, exist_ok=True)
        os.chown(directory, uid, gid)
        directory.chmod(mode)
    for path, (mode, uid, gid, contents) in FILES.items():
        file = _at(root, path)
        file.write_text(contents)
        os.chown(file, uid, gid)
        file.chmod(mode)
    for path, contents in UNITS.items():
        _at(root, path).parent.mkdir(parents=True, exist_ok=True)
        _at(root, path).write_text(contents)
    for path, target in {**LINKS, **UNIT_LINKS}.items():
        _at(root, path).parent.mkdir(parents=True, exist_ok=True)
        _at(root, path).symlink_to(target)
    os.link(_at(root, "/srv/have/hard-a"), _at(root, "/srv/have/hard-b"))
    os.mkfifo(_at(root, "/srv/have/fifo"), 0o600)
    os.mknod(_at(root, "/srv/have/socket"), stat.S_IFSOCK | 0o600)
    os.mknod(_at(root, "/srv/have/device"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
    _accounts(root)


def _accounts(root: Path) -> None:
    for name, (gid, members, password) in GROUPS.items():
        _append(root / "etc/group", f"{name}:x:{gid}:{members}\n")
        _append(root / "etc/gshadow", f"{name}:{password}::{members}\n")
    for name, (uid, gid, gecos, home, shell, password) in USERS.items():
        _append(root / "etc/passwd", f"{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}\n")
        _append(root / "etc/shadow", f"{name}:{password}:19000:0:99999:7:::\n")


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)


def _at(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
