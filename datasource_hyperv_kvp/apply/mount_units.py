"""File systems that only a ``.mount`` unit knows: an administrator's, or one that
systemd-gpt-auto-generator has made. Those in /etc/fstab are :mod:`.mounts`' own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import ApplyError
from .first_boot import OURS
from .machine import Machine
from .systemd import Systemd, is_running
from .unit_files import SEARCH

#: Seconds for one answer of systemd; without it nothing is waited for.
PATIENCE = 30.0

#: A mount that comes after one of these cannot be waited for: it waits for this program, or for a
#: network that may not be up yet.
LATER = OURS | {"network.target", "network-online.target", "remote-fs-pre.target"}

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def known(search: Sequence[Path] = SEARCH) -> dict[str, str]:
    """Mount point -> unit, of all units there are. Their names say it (``systemd.mount(5)``)."""
    found: dict[str, str] = {}
    for directory in search:
        for path in directory.glob("*.mount"):
            found.setdefault(mount_point(path.name), path.name)
    return found


def mount_point(unit: str) -> str:
    """``/srv/my-data`` for ``srv-my\\x2ddata.mount``."""
    path = "/" + unit[: -len(".mount")].strip("-").replace("-", "/")
    # Bytes: a letter beyond ASCII is several of them.
    name = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), os.fsencode(path))
    return os.fsdecode(name)


def coming(units: Iterable[str]) -> Mapping[str, bool]:
    """Of the units, those that this boot is about to mount, and whether it fails without them."""
    units = list(units)
    if not units or not is_running():
        return {}
    systemd = Systemd(Machine(Path("/nonexistent"), timeout=PATIENCE))
    try:
        queued = systemd.queued()
        states = systemd.show(unit for unit in units if queued.get(unit) == "start")
    except ApplyError:
        return {}  # a systemd that does not answer mounts nothing that could be waited for
    return {
        unit: "local-fs.target" in state.required_by
        for unit, state in states.items()
        if state.loaded and not state.after & LATER
    }
