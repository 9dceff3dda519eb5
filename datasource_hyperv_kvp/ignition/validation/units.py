"""systemd units and their drop-ins."""

from __future__ import annotations

import re

from datasource_hyperv_kvp.ignition.config import Config, Dropin, Systemd, Unit
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.validation.unit_file import (
    UnitSyntaxError,
    sections_with_options,
)

_UNIT_TYPES = (
    *(".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target"),
    *(".path", ".timer", ".snapshot", ".slice", ".scope"),
)
_INSTANCE = re.compile(r"(.+?)@(.+?)\.service")
_DIRECTORY = "/etc/systemd/system/"


def check_systemd(systemd: Systemd, report: Report) -> None:
    for index, unit in enumerate(systemd.units):
        _check_unit(unit, ("systemd", "units", index), report)
    _check_templates(systemd, report)


def _check_unit(unit: Unit, path: Path, report: Report) -> None:
    if _extension(unit.name) not in _UNIT_TYPES:
        report.error(
            (*path, "name"),
            f'"{unit.name}" has no type of unit at its end; write one such as {unit.name}.service',
        )
    if "/" in unit.name:
        # Ignition itself lets this pass and makes a file in a place where systemd does not look.
        report.error((*path, "name"), "a unit's name cannot contain a slash; write it without")
    sections = _sections(unit, (*path, "contents"), report)
    if sections is not None and unit.enabled and unit.contents and "Install" not in sections:
        report.warning(
            (*path, "contents"),
            f"{unit.name} is enabled but has no [Install] section, so enabling does nothing; "
            "add [Install] with WantedBy=, or remove enabled",
        )
    for index, dropin in enumerate(unit.dropins):
        place = (*path, "dropins", index)
        _sections(dropin, (*place, "contents"), report)
        if _extension(dropin.name) != ".conf":
            report.error(
                (*place, "name"), f'the drop-in "{dropin.name}" must end in .conf; rename it'
            )


def _extension(name: str) -> str:
    base = name.rpartition("/")[2]
    _, dot, extension = base.rpartition(".")
    return dot + extension


def _sections(item: Unit | Dropin, path: Path, report: Report) -> frozenset[str] | None:
    """Which sections there are; None, and an error in the report, if the syntax is wrong."""
    try:
        return sections_with_options(item.contents or "")
    except UnitSyntaxError as error:
        report.error(path, str(error))
        return None


def _check_templates(systemd: Systemd, report: Report) -> None:
    """An instance can only be enabled if its template says how."""
    units = {unit.name: unit for unit in systemd.units}
    for index, unit in enumerate(systemd.units):
        match = _INSTANCE.fullmatch(unit.name) if unit.enabled else None
        template = units.get(f"{match.group(1)}@.service") if match else None
        if template is None or not template.contents:
            continue
        try:
            sections = sections_with_options(template.contents)
        except UnitSyntaxError:
            continue  # said where the template stands
        if "Install" not in sections:
            report.warning(
                ("systemd", "units", index, "contents"),
                f"{unit.name} is enabled but its template {template.name} has no [Install] "
                "section, so enabling does nothing; add one to the template",
            )


def check_conflicts(config: Config, report: Report) -> None:
    """No node may be where a unit or drop-in of the same config is written."""
    taken = set()
    for unit in config.systemd.units:
        if unit.contents:
            taken.add(_DIRECTORY + unit.name)
        for dropin in unit.dropins:
            if dropin.contents:
                taken.add(f"{_DIRECTORY}{unit.name}.d/{dropin.name}")
    if not taken:
        return
    storage = config.storage
    for name, nodes in (
        ("files", storage.files),
        ("directories", storage.directories),
        ("links", storage.links),
    ):
        for index, node in enumerate(nodes):
            if node.path in taken:
                report.error(
                    ("storage", name, index, "path"),
                    f'"{node.path}" is also written by a unit or drop-in of this config; '
                    "remove one of the two",
                )
