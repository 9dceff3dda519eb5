"""The preset file, as Ignition writes it, and what is enabled and disabled by name.

Never ``systemctl preset``: where a distribution's presets say "enable" for what no line names
(Debian), it would enable what the config wants disabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from . import files
from .errors import Finding
from .handler import Handler, Run
from .journal import State
from .machine import Machine
from .nodes import first_missing
from .outlook import Outlook
from .paths import NodeKind, kind_at, resolve
from .plan import Contents
from .system_steps import Presets

#: ``internal/exec/util/unit.go`` of Ignition, PresetPath.
PRESET_FILE = "/etc/systemd/system-preset/20-ignition.preset"

#: States of ``systemctl is-enabled`` in which there is nothing to enable, and that is no error.
NOTHING_TO_ENABLE = frozenset(("static", "alias", "generated", "transient"))
MISSING = frozenset(("", "not-found"))
MASKED = frozenset(("masked", "masked-runtime"))


def split_instance(name: str) -> tuple[str, str | None]:
    """(``t@.service``, ``a``) of ``t@a.service``; the name itself and None if it is no instance."""
    stem, at, rest = name.partition("@")
    if not at:
        return name, None
    instance, _dot, suffix = rest.rpartition(".")
    return f"{stem}@.{suffix}", instance


def preset_entries(choices: Iterable[tuple[str, bool]]) -> tuple[tuple[str, bool], ...]:
    """(what a preset line names, whether it is enabled) in Ignition's order.

    Instances of a template share a line, ``t@.service a b``; a template by itself is an instance
    without a name, and its line ends with a blank.
    """
    instances: dict[tuple[str, bool], list[str]] = {}
    for name, enable in choices:
        unit, instance = split_instance(name)
        instances.setdefault((unit, enable), []).extend([] if instance is None else [instance])
    entries = []
    for unit, enable in sorted(instances, key=_sort_key):
        rest = f" {' '.join(instances[unit, enable])}" if "@" in unit else ""
        entries.append((unit + rest, enable))
    return tuple(entries)


def _sort_key(item: tuple[str, bool]) -> str:
    return f"{item[0]}-{'enabled' if item[1] else 'disabled'}"


class PresetsHandler(Handler[Presets]):
    def check(self, step: Presets, outlook: Outlook) -> Iterator[Finding]:
        if not outlook.machine.has("systemctl"):
            yield Finding(step.at, "this machine has no systemctl", "use an image with systemd")
        there = outlook.kind_at(resolve(PRESET_FILE))
        if there not in (NodeKind.ABSENT, NodeKind.FILE):
            yield Finding(step.at, f"{PRESET_FILE} exists and is no regular file", "remove it")

    def before(self, step: Presets, run: Run) -> State:
        path = resolve(PRESET_FILE)
        there = kind_at(path)
        return {
            "kind": there.value,
            "size": Path(path).lstat().st_size if there is NodeKind.FILE else 0,
            "missing": first_missing(path),
            "disabled": [],
            "all_disabled": False,
        }

    def renew(self, step: Presets, before: State, run: Run) -> State:
        return {**before, "all_disabled": False}

    def apply(self, step: Presets, before: State, run: Run) -> None:
        disabled = _disable(step, before, run)
        lines = [
            f"{'enable' if enable else 'disable'} {entry}\n"
            for entry, enable in preset_entries(step.choices())
            if enable or entry in disabled
        ]
        if lines:
            write_presets(resolve(PRESET_FILE), "".join(lines), before)
            run.machine.point("presets written")
        for name in to_enable(step.choices()):
            enable_unit(name, run.machine)


def _disable(step: Presets, before: State, run: Run) -> list[str]:
    """Disable what is enabled when its turn comes: disabling one unit disables its ``Also=`` too,
    and then Ignition finds nothing to disable in those, and writes no line for them.

    What was disabled is journaled before it is: afterwards nobody could tell.
    """
    disabled: list[str] = list(before["disabled"])
    entries = [entry for entry, enable in preset_entries(step.choices()) if not enable]
    if before["all_disabled"] or not entries:
        return disabled
    for entry in entries:
        if entry not in disabled:
            if not is_enabled(entry, run.machine):
                continue
            disabled.append(entry)
            _note(step, {**before, "disabled": disabled}, run)
        run.machine.run([*SYSTEMCTL, "disable", "--", entry])
    # Enabling may bring back what is disabled now: a second run must not look again.
    run.machine.sync()
    _note(step, {**before, "disabled": disabled, "all_disabled": True}, run)
    return disabled


def _note(step: Presets, state: State, run: Run) -> None:
    run.journal.begin(step.key, state)
    run.journal.sync()
    run.machine.point("noted")


#: Works on the files alone: the running systemd is told once, when everything is in place.
SYSTEMCTL = ("systemctl", "--root=/", "--no-pager")


def is_enabled(name: str, machine: Machine) -> bool:
    """As Ignition asks: true for static units too, and with the whole entry as a name, which no
    instance has: so it leaves instances enabled."""
    return machine.try_run([*SYSTEMCTL, "is-enabled", "--", name]).returncode == 0


def enable_unit(name: str, machine: Machine) -> None:
    """Make the links of ``[Install]``. Missing, static and masked units are no error."""
    state = machine.try_run([*SYSTEMCTL, "is-enabled", "--", name]).stdout.strip()
    if state in MISSING:
        machine.warn(f"{name} is enabled by preset only: there is no such unit")
    elif state in MASKED:
        machine.log(f"{name} is enabled by preset only: it is masked")
    elif state in NOTHING_TO_ENABLE:
        machine.log(f"{name} is enabled by preset only: it is {state}")
    else:
        # An impossible alias and the like: systemd logs it when it applies presets, and goes on.
        result = machine.try_run([*SYSTEMCTL, "enable", "--", name])
        if result.returncode != 0:
            machine.warn(f"{name} cannot be enabled: {' '.join(result.stderr.split())}")


def to_enable(choices: Iterable[tuple[str, bool]]) -> tuple[str, ...]:
    """In the order of the preset file: of two units with one alias the first gets it.

    A template whose instances are named is enabled as those, and not as its default one.
    """
    names = [name for name, enable in choices if enable]
    names.sort(key=lambda name: _sort_key((split_instance(name)[0], True)))
    parts = [split_instance(name) for name in names]
    instantiated = {unit for unit, instance in parts if instance}
    return tuple(
        name
        for name, (unit, instance) in zip(names, parts)
        if instance != "" or unit not in instantiated
    )


def write_presets(path: str, text: str, before: State) -> None:
    """Append to what was there before; a second run after a power cut gives the same."""
    contents = (Contents(data=text.encode()),)
    if before["kind"] == NodeKind.FILE.value:
        files.append_to_file(path, before["size"], contents)
    else:
        files.replace_file(path, contents)
