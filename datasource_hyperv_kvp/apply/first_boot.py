"""Which units the running boot has to start, restart or stop: what they would be had the config
been there before the boot began. Pure: states in, names out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .systemd import UnitState

#: Reached before most of the system starts: a unit ordered before one that is active is too late.
EARLY_TARGETS = frozenset(
    f"{name}.target"
    for name in (
        *("basic", "cryptsetup", "cryptsetup-pre", "local-fs", "local-fs-pre", "network-pre"),
        *("sysinit", "time-set", "veritysetup", "integritysetup"),
    )
)

#: Their jobs are what runs this very program, or comes after it.
OURS = frozenset(
    (
        *("cloud-init-local.service", "cloud-init-main.service", "cloud-init-network.service"),
        *("cloud-init.service", "cloud-config.service", "cloud-final.service"),
        *("cloud-init.target", "cloud-config.target"),
        *("cloud-init-hotplugd.service", "cloud-init-hotplugd.socket"),
    )
)

#: Ordered before an early target by their nature, and useful whenever they start.
_ANY_TIME = (".mount", ".automount", ".swap", ".device")

#: May be stopped and started again while the rest runs.
_RESTARTABLE = (".service", ".socket", ".timer", ".path")

#: Everything hangs on these; a restart takes the system down.
_VITAL = frozenset(("dbus.service", "dbus-broker.service", "dbus.socket"))


@dataclass(frozen=True)
class Decision:
    """Names of units, and for the reboot reasons for people."""

    start: frozenset[str] = frozenset()
    restart: frozenset[str] = frozenset()
    stop: frozenset[str] = frozenset()
    reboot: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def decide(
    states: Mapping[str, UnitState],
    *,
    queued: Mapping[str, str],
    candidates: Iterable[str],
    changed: Iterable[str],
    masked: Iterable[str],
    disabled: Iterable[str],
) -> Decision:
    """
    :param states: of all units named here and of those that pull them.
    :param queued: unit -> type of its job.
    :param candidates: units that may have to be started.
    :param changed: units whose files the config wrote.
    """
    masked, disabled = set(masked), set(disabled)
    start = _to_start(states, queued, set(candidates) - masked)
    late = {name: reached for name in start for reached in [_too_late(states, name)] if reached}
    reboot = [f"{name} belongs before {target}" for name, target in sorted(late.items())]
    restart, stop, notes = set(), set(), []
    for name in sorted(set(changed) - masked):
        state = states.get(name)
        if state is None or not state.active or name in start:
            continue
        if name in OURS:
            notes.append(f"{name} runs now; its new settings count from the next boot")
        elif _can_restart(state):
            restart.add(name)
        elif not name.endswith((".target", ".slice", ".scope", *_ANY_TIME)):
            reboot.append(f"{name} ran before its new settings came")
    for name in sorted(masked | disabled):
        state = states.get(name)
        if state is None or not (state.active or queued.get(name) in ("start", "restart")):
            continue
        if name in OURS:
            notes.append(f"{name} runs now; it is switched off from the next boot on")
        elif name in masked or not (state.pulled_by or state.triggered_by):
            stop.add(name)
    return Decision(
        start=frozenset(set(start) - set(late)),
        restart=frozenset(restart - stop),
        stop=frozenset(stop),
        reboot=tuple(reboot),
        notes=tuple(notes),
    )


def _to_start(
    states: Mapping[str, UnitState], queued: Mapping[str, str], candidates: set[str]
) -> set[str]:
    """Candidates that something active, queued, or to be started pulls in."""
    start: set[str] = set()
    growing = True
    while growing:
        growing = False
        for name in candidates - start:
            state = states.get(name)
            if state is None or not state.loaded or state.active or state.tried:
                continue
            if name in queued or name in OURS:
                continue
            if any(_comes(other, states, queued, start) for other in state.pulled_by):
                start.add(name)
                growing = True
    return start


def _comes(
    name: str, states: Mapping[str, UnitState], queued: Mapping[str, str], start: set[str]
) -> bool:
    state = states.get(name)
    return name in start or queued.get(name) == "start" or (state is not None and state.active)


def _too_late(states: Mapping[str, UnitState], name: str) -> str | None:
    """An early target that the unit should have come before, and that is reached already."""
    if name.endswith(_ANY_TIME):
        return None
    for target in sorted(states[name].before & EARLY_TARGETS):
        state = states.get(target)
        if state is not None and state.active:
            return target
    return None


def _can_restart(state: UnitState) -> bool:
    return (
        state.name.endswith(_RESTARTABLE)
        and not state.oneshot
        and not state.refuses_stop
        and state.name not in _VITAL
    )
