"""The running systemd: what it knows of units, and what it is asked; nobody waits for its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .machine import Machine

#: There while systemd is PID 1: the directory of ``sd_booted(3)``, which netplan makes in a chroot
#: as well, and the socket on which ``systemctl`` reaches PID 1.
RUNNING = (Path("/run/systemd/system"), Path("/run/systemd/private"))

#: Units for one call: far below the limit of an argument list.
CHUNK = 300

_PROPERTIES = (
    *("Id", "Names", "LoadState", "ActiveState", "Type", "RefuseManualStop", "WantedBy"),
    *("RequiredBy", "UpheldBy", "TriggeredBy", "Wants", "Requires", "Before", "After"),
    "ConditionTimestampMonotonic",
)


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit.

    :param pulled_by: units that start it with themselves.
    :param pulls: units that it starts with itself.
    :param tried: this boot has tried to start it already.
    """

    name: str
    loaded: bool = True
    active: bool = False
    oneshot: bool = False
    refuses_stop: bool = False
    pulled_by: frozenset[str] = frozenset()
    triggered_by: frozenset[str] = frozenset()
    pulls: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    required_by: frozenset[str] = frozenset()
    tried: bool = False

    @classmethod
    def from_properties(cls, values: Mapping[str, str]) -> UnitState:
        def names(*properties: str) -> frozenset[str]:
            return frozenset(" ".join(values.get(name, "") for name in properties).split())

        return cls(
            name=values["Id"],
            loaded=values.get("LoadState") == "loaded",
            active=values.get("ActiveState") in ("active", "activating", "reloading"),
            oneshot=values.get("Type") == "oneshot",
            refuses_stop=values.get("RefuseManualStop") == "yes",
            pulled_by=names("WantedBy", "RequiredBy", "UpheldBy"),
            triggered_by=names("TriggeredBy"),
            pulls=names("Wants", "Requires"),
            before=names("Before"),
            after=names("After"),
            required_by=names("RequiredBy"),
            tried=values.get("ConditionTimestampMonotonic", "0") not in ("", "0"),
        )


class Systemd:
    """PID 1, asked through ``systemctl``."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def reload(self) -> None:
        """Read units and run generators again; queued jobs stay."""
        self._machine.run(["systemctl", "daemon-reload"])

    def show(self, names: Iterable[str]) -> dict[str, UnitState]:
        """The units by the name that was asked for; a unit nobody knows is one not loaded."""
        asked = sorted(set(names))
        found: dict[str, UnitState] = {}
        for start in range(0, len(asked), CHUNK):
            chunk = asked[start : start + CHUNK]
            command = ["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *chunk]
            blocks = self._machine.run(command).strip("\n").split("\n\n")
            for name, block in zip(chunk, blocks):
                found[name] = UnitState.from_properties(
                    dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
                )
        return found

    def queued(self) -> dict[str, str]:
        """Unit -> type of the job that waits or runs for it: start, stop, ..."""
        output = self._machine.run(["systemctl", "list-jobs", "--no-legend", "--plain"])
        lines = (line.split() for line in output.splitlines())
        return {words[1]: words[2] for words in lines if len(words) >= 4 and words[0].isdigit()}

    def queue(self, verb: str, names: Iterable[str]) -> None:
        """Ask for jobs and do not wait for them."""
        units = sorted(names)
        if units:
            self._machine.run(["systemctl", "--no-block", verb, "--", *units])


def is_running(signs: Iterable[Path] = RUNNING) -> bool:
    return all(sign.exists() for sign in signs)
