"""The guest as the reader sees it: clocks, sleep, the opener of the device, the root of files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasource_hyperv_kvp.kvp.port import Opener, open_port

_SYSTEMCTL_TIMEOUT = 5.0  # seconds; PID 1 may be busy while a machine boots

#: The properties that :func:`unit_state` asks for.
UNIT_PROPERTIES = ("ActiveState", "ConditionResult", "ConditionTimestampMonotonic")


def unit_state(unit: str) -> Mapping[str, str]:
    """Ask systemd about a unit; empty if it does not answer, as where it is not running."""
    import subprocess  # lazily: hardly any boot has to ask, and every boot imports this

    command = ["systemctl", "show", f"--property={','.join(UNIT_PROPERTIES)}", "--", unit]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SYSTEMCTL_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def boottime() -> float:
    """Seconds since the boot, time asleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class GuestSystem:
    """Everything that reading needs of the machine and a test wants to choose.

    :param root: where ``/proc``, ``/sys``, ``/etc``, ``/run``, ``/dev``, ``/usr`` begin.
    :param clock: seconds, never stepping.
    :param wall_clock: seconds since 1970, which may step.
    :param uptime: seconds since the boot.
    """

    root: Path = Path("/")
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    uptime: Callable[[], float] = boottime
    sleep: Callable[[float], None] = time.sleep
    open_device: Opener = open_port
    unit_state: Callable[[str], Mapping[str, str]] = unit_state
