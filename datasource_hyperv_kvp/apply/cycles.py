"""Ordering cycles between a config's units and cloud-init's, found before they bite.

systemd breaks a cycle by leaving out one of its units, and that may be cloud-init's: the machine
would come up without users and keys. ``cloud-final.service`` runs after ``multi-user.target``, so a
unit that the target wants must not wait for cloud-init's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .errors import Finding
from .presets import split_instance
from .system_steps import Unit
from .unit_files import UnitFile, UnitFiles, parse

#: What a boot starts; cloud-init's target is added by its generator.
ROOTS = ("default.target", "multi-user.target", "cloud-init.target")
CLOUD_INIT = ("cloud-init", "cloud-config", "cloud-final")

#: Targets that units of a type come before by default (``systemd.special(7)``).
_COLLECTED = {
    ".socket": "sockets.target",
    ".timer": "timers.target",
    ".path": "paths.target",
    ".mount": "local-fs.target",
}


def findings(
    units: Iterable[Unit], choices: Mapping[str, bool], disk: UnitFiles | None = None
) -> Iterator[Finding]:
    """One for each unit of the config that stands in a cycle with one of cloud-init's.

    :param choices: unit -> whether it is to be enabled.
    """
    disk = disk or UnitFiles()
    ours: dict[str, Unit] = {}
    for unit in units:
        ours.setdefault(unit.name, unit)
        _put(unit, choices.get(unit.name), disk)
    for name, enable in choices.items():
        if enable:
            _tie(name, disk)
    boot = disk.closure(ROOTS)
    after = ordering(boot, disk)
    for name in sorted({*ours, *choices} & set(boot)):
        cycle = _cycle(name, after)
        step = ours.get(name) or ours.get(split_instance(name)[0])
        if cycle and step:
            yield Finding(
                step.at,
                f"{name} makes an ordering cycle with cloud-init: {' after '.join(cycle)}",
                "leave out one of its After=, Before= and WantedBy= lines, or let another target"
                " than the one that cloud-init waits for want it",
            )


def _put(step: Unit, enabled: bool | None, disk: UnitFiles) -> None:
    """What the disk will hold of a unit of the config."""
    if step.mask:
        # A unit without anything in it ties nothing.
        disk.put(UnitFile(step.name, default_dependencies=False))
        return
    texts = [dropin.contents.data.decode("utf-8", "replace") for dropin in step.dropins]
    if step.contents is not None:
        disk.put(parse(step.name, [step.contents.data.decode("utf-8", "replace"), *texts]))
        return
    unit = disk.get(step.name)
    if unit is not None and texts:
        more = parse(step.name, texts)
        disk.put(
            replace(
                unit,
                pulls=unit.pulls | more.pulls,
                after=unit.after | more.after,
                before=unit.before | more.before,
                default_dependencies=unit.default_dependencies and more.default_dependencies,
            )
        )


def _tie(name: str, disk: UnitFiles) -> None:
    """Enable: what ``[Install]`` names pulls the unit in."""
    template, instance = split_instance(name)
    unit = disk.get(name)
    if unit is None and instance:
        base = disk.get(template)
        unit = replace(base, name=name) if base else None
        if unit:
            disk.put(unit)
    if unit is None or instance == "":
        return
    for other in unit.wanted_by:
        target = disk.real_name(other)
        found = disk.get(target) or UnitFile(target)
        disk.put(replace(found, pulls=found.pulls | {name}))


def ordering(boot: Mapping[str, UnitFile], disk: UnitFiles) -> dict[str, set[str]]:
    """Unit -> the units of the same boot that it starts after, default ties included."""
    after: dict[str, set[str]] = {name: set() for name in boot}

    def tie(late: str, early: str) -> None:
        late, early = disk.real_name(late), disk.real_name(early)
        if late in boot and early in boot and late != early:
            after[late].add(early)

    for name, unit in boot.items():
        for other in unit.after:
            tie(name, other)
        for other in unit.before:
            tie(other, name)
        if unit.default_dependencies and name.endswith((".service", ".socket", ".timer", ".path")):
            tie(name, "sysinit.target")
        if unit.default_dependencies and name.endswith(".service"):
            tie(name, "basic.target")
        for suffix, target in _COLLECTED.items():
            if unit.default_dependencies and name.endswith(suffix):
                tie(target, name)
    for name, unit in boot.items():
        # A target is reached after what it pulls in, unless one of the two says otherwise.
        if name.endswith(".target") and unit.default_dependencies:
            for other in map(disk.real_name, unit.pulls):
                pulled = boot.get(other)
                if pulled and pulled.default_dependencies and name not in after[other]:
                    tie(name, other)
    return after


def _cycle(name: str, after: Mapping[str, set[str]]) -> list[str]:
    """A way from the unit over one of cloud-init's back to it, or nothing."""
    for other in sorted(after):
        if other.startswith(CLOUD_INIT) and other != name:
            there, back = _way(name, other, after), _way(other, name, after)
            if there and back:
                return [*there, *back[1:]]
    return []


def _way(start: str, end: str, after: Mapping[str, set[str]]) -> list[str]:
    """The shortest chain of "after" from one unit to another."""
    came_from: dict[str, str] = {}
    todo = [start]
    for name in todo:
        for other in sorted(after.get(name, ())):
            if other not in came_from and other != start:
                came_from[other] = name
                todo.append(other)
    if end not in came_from:
        return []
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
