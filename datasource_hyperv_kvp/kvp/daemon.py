"""Is a KVP daemon running here, or about to?

Whoever opens the device first keeps it, and a daemon that finds it taken exits and mostly stays
down for the rest of the boot: the host then shows no address for the guest. So the device is ours
only where no daemon will come. "Enabled" is not the question: on Debian, Ubuntu and Fedora a udev
rule starts the daemon when the device appears, while its unit is disabled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

#: The daemon's program, as the kernel shows it in ``/proc/*/comm``.
PROGRAMS = ("hv_kvp_daemon", "hypervkvpd")

#: The daemon's unit: Debian and Ubuntu; Fedora and RHEL; SUSE and Arch.
UNITS = ("hv-kvp-daemon.service", "hypervkvpd.service", "hv_kvp_daemon.service")

# Highest precedence first, systemd.unit(5) and udev(7). Merged /usr makes two of them the same.
_PREFIXES = ("etc", "run", "usr/local/lib", "usr/lib", "lib")

_WANTS = re.compile(r'ENV\{SYSTEMD_WANTS\}\s*\+?=\s*"([^"]*)"')
_NO_DEFAULT_DEPENDENCIES = re.compile(r"(?m)^\s*DefaultDependencies\s*=\s*(no|false|off|0)\s*$")
_AFTER_LATER_TARGETS = re.compile(
    r"(?m)^\s*After\s*=.*\b(sysinit|basic|network|network-online|multi-user)\.target"
)
_EXEC_PREFIX = "@-:+!|"


class State(Enum):
    """What is to be expected of a KVP daemon."""

    RUNNING = "running"
    EXPECTED = "expected"
    ABSENT = "absent"


@dataclass(frozen=True)
class Daemon:
    """A KVP daemon, or that there is none.

    :param unit: the unit that will start it; ``""`` if it is not known.
    :param detail: what was found, for the log.
    :param late: the unit waits for the basic system or even the network, by systemd's default
        dependencies or its own: it cannot start before cloud-init's first stage has ended.
    """

    state: State
    unit: str = ""
    detail: str = ""
    late: bool = False


def find(root: Path = Path("/")) -> Daemon:
    """Look for a KVP daemon: a process, or a unit that is enabled or that udev will start."""
    for program, pid in _processes(root):
        return Daemon(State.RUNNING, detail=f"{program} is running as process {pid}")
    if not (root / "run/systemd/system").is_dir():
        return Daemon(State.ABSENT, detail="no KVP daemon is running")
    for unit in UNITS:
        text = _unit(root, unit)
        if text is None or not _is_installed(root, text):
            continue
        if why := _wanted_by(root, unit):
            detail = f"{unit} will be started by {why}"
            return Daemon(State.EXPECTED, unit, detail, late=_is_late(text))
    return Daemon(State.ABSENT, detail="no KVP daemon is running or about to start")


def _processes(root: Path) -> Iterator[tuple[str, int]]:
    for process in sorted((root / "proc").glob("[0-9]*")):
        try:
            program = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            # A zombie keeps its name, but has no command line any more.
            if program in PROGRAMS and (process / "cmdline").read_bytes():
                yield program, int(process.name)
        except OSError:
            continue  # it has just ended


def _unit(root: Path, unit: str) -> str | None:
    """Give a unit's text, drop-ins included; None if it is not there or masked."""
    for prefix in _PREFIXES:
        path = root / prefix / "systemd/system" / unit
        if not os.path.lexists(path):
            continue
        text = _read(root, path)
        if not text:
            return None  # masked: a link to /dev/null, or an empty file
        return "\n".join((text, *_drop_ins(root, unit)))
    return None


def _drop_ins(root: Path, unit: str) -> list[str]:
    names: dict[str, Path] = {}
    for prefix in reversed(_PREFIXES):
        for path in (root / prefix / "systemd/system" / f"{unit}.d").glob("*.conf"):
            names[path.name] = path
    return [_read(root, names[name]) for name in sorted(names)]


def _is_installed(root: Path, unit_text: str) -> bool:
    # A package that was removed, not purged, leaves its unit's links behind.
    for match in re.finditer(r"(?m)^\s*ExecStart\s*=\s*(\S+)", unit_text):
        program = match.group(1).lstrip(_EXEC_PREFIX)
        if program.startswith("/"):
            return (root / program.lstrip("/")).exists()
    return True


def _is_late(unit_text: str) -> bool:
    early = _NO_DEFAULT_DEPENDENCIES.search(unit_text)
    return not early or _AFTER_LATER_TARGETS.search(unit_text) is not None


def _wanted_by(root: Path, unit: str) -> str:
    for prefix in _PREFIXES:
        directory = root / prefix / "systemd/system"
        for pattern in ("*.wants", "*.requires"):
            for wants in sorted(directory.glob(pattern)):
                if os.path.lexists(wants / unit):
                    return wants.stem
    return _rule_for(root, unit)


def _rule_for(root: Path, unit: str) -> str:
    rules: dict[str, Path] = {}
    for prefix in reversed(_PREFIXES):
        for path in (root / prefix / "udev/rules.d").glob("*.rules"):
            rules[path.name] = path
    for path in rules.values():
        for line in _read(root, path).replace("\\\n", " ").splitlines():
            if line.lstrip().startswith("#") or "hv_kvp" not in line:
                continue
            if any(unit in match.group(1).split() for match in _WANTS.finditer(line)):
                return f"the udev rule {path.name}"
    return ""


def _read(root: Path, path: Path) -> str:
    # Links are absolute in the guest's own root, also where that is not this process's root.
    for _ in range(8):
        if not path.is_symlink():
            break
        target = path.readlink()
        path = root / target.relative_to("/") if target.is_absolute() else path.parent / target
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def why_not_coming(found: Daemon, unit_state: Callable[[str], Mapping[str, str]]) -> str:
    """Say why an expected daemon will not come (in time), ``""`` if it still may.

    :param unit_state: gives ``systemctl show``'s properties of a unit, empty if unknown.
    """
    state = unit_state(found.unit)
    if state.get("ActiveState") == "failed":
        return f"{found.unit} has failed"
    if (
        state.get("ConditionResult") == "no"
        and state.get("ConditionTimestampMonotonic", "0") != "0"
    ):
        return f"{found.unit} was skipped: one of its conditions is not met"
    # While we hold up the boot a unit that waits for the basic system cannot start, and it finds
    # the device free when it does.
    if found.late and unit_state("basic.target").get("ActiveState") == "inactive":
        return f"{found.unit} cannot start before we have finished"
    return ""
