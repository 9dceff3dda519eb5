"""What no program of the shadow suite does as Ignition needs it: single fields of account files.

chpasswd refuses hashes that it does not know (shadow 4.17 and later), usermod takes any but only on
its command line, and neither number nor home of a user whose processes run. So these fields are
written here, under the lock that the suite itself honours (lckpwdf(3)), each file in one rename.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import ApplyError
from .files import remove, temporary_beside

#: Seconds to wait for the lock, as lckpwdf(3) does.
LOCK_TIMEOUT = 15.0
_RETRY = 0.1
_DAY = 86400


def set_user_password(name: str, value: str, etc: Path = Path("/etc")) -> None:
    """Set the second field of shadow, and today as the day of the change, as ``usermod -p``."""
    today = str(int(time.time()) // _DAY)
    with locked(etc):
        if not (etc / "shadow").exists():
            _edit(etc / "passwd", name, {1: value})
        elif not _edit(etc / "shadow", name, {1: value, 2: today}):
            _add(etc / "shadow", f"{name}:{value}:{today}:0:99999:7:::")
            _edit(etc / "passwd", name, {1: "x"})


def set_group_password(name: str, value: str, etc: Path = Path("/etc")) -> None:
    """Set the second field of gshadow, or of group where there is no gshadow."""
    with locked(etc):
        if not (etc / "gshadow").exists():
            _edit(etc / "group", name, {1: value})
        elif not _edit(etc / "gshadow", name, {1: value}):
            _add(etc / "gshadow", f"{name}:{value}::")
            _edit(etc / "group", name, {1: "x"})


def set_number_and_home(
    name: str, uid: int | None, home: str | None, etc: Path = Path("/etc")
) -> None:
    """Set the third and the sixth field of passwd; None leaves a field as it is."""
    fields = {} if uid is None else {2: str(uid)}
    if home is not None:
        fields[5] = home
    with locked(etc):
        _edit(etc / "passwd", name, fields)


@contextlib.contextmanager
def locked(etc: Path) -> Iterator[None]:
    """Hold the lock of the account files. Raises ApplyError if somebody else keeps it."""
    # Only here, so that plans can be made where there is no fcntl.
    import fcntl

    descriptor = os.open(etc / ".pwd.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ApplyError(f"another program holds {etc / '.pwd.lock'}") from error
            time.sleep(_RETRY)
        yield
    finally:
        os.close(descriptor)


def _edit(path: Path, name: str, fields: Mapping[int, str]) -> bool:
    """Replace fields (counted from 0) of the line of ``name``; False if there is none."""
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines):
        parts = line.split(b":")
        if parts[0] == os.fsencode(name) and len(parts) > max(fields, default=0):
            for field, value in fields.items():
                parts[field] = os.fsencode(value)
            lines[number] = b":".join(parts)
            replace(path, b"\n".join(lines))
            return True
    return False


def _add(path: Path, line: str) -> None:
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        data += b"\n"
    replace(path, data + os.fsencode(line) + b"\n")


def replace(path: Path, data: bytes) -> None:
    """Replace an account file, owner, mode and label kept; on the disk when this returns."""
    # The suite keeps the former version beside each file, with the same owner and mode.
    status = (path if path.exists() else path.with_name(path.name + "-")).stat()
    temporary = temporary_beside(str(path))
    remove(str(temporary))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
        _copy_label(path, file.fileno())
        os.fsync(file.fileno())
    temporary.replace(path)


def _copy_label(path: Path, descriptor: int) -> None:
    """SELinux lets nobody log in while shadow has the label of its directory: do not wait for the
    step that labels everything, which a failure would keep from running."""
    with contextlib.suppress(OSError):  # no label, or no SELinux
        os.setxattr(descriptor, "security.selinux", os.getxattr(path, "security.selinux"))
