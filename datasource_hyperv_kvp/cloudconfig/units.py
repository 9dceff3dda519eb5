"""``systemd.units``, ``kernelArguments``, and what a running system has to be told afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..apply.plan import Contents, Step
from ..apply.system_steps import Dropin, KernelArguments, Labels, Presets, ThisBoot, Unit
from ..ignition import config as ignition
from ..ignition.config import Config
from .refusals import Refusal


def kernel_argument_steps(config: Config) -> list[Step]:
    arguments = config.kernel_arguments
    if not arguments.should_exist and not arguments.should_not_exist:
        return []
    return [
        KernelArguments(
            at="$.kernelArguments",
            should_exist=arguments.should_exist,
            should_not_exist=arguments.should_not_exist,
        )
    ]


def unit_steps(config: Config) -> list[Step]:
    """Every unit's files in list order, and then what is enabled and disabled, all at once."""
    steps: list[Step] = [
        _unit(unit, f"$.systemd.units.{index}") for index, unit in enumerate(config.systemd.units)
    ]
    presets = tuple(
        f"{'enable' if unit.enabled else 'disable'} {unit.name}"
        for unit in config.systemd.units
        if unit.enabled is not None
    )
    if presets:
        steps.append(Presets(at="$.systemd.units", units=presets))
    return steps


def closing_steps(steps: Sequence[Step]) -> list[Step]:
    """What follows whenever anything was done at all."""
    return [Labels(at="$"), ThisBoot(at="$")] if steps else []


def unit_refusals(config: Config) -> Iterator[Refusal]:
    """Names that lead out of the directory of units, on which Ignition itself misbehaves, and
    kernel arguments that no kernel could be given."""
    arguments = config.kernel_arguments
    for field, values in (
        ("shouldExist", arguments.should_exist),
        ("shouldNotExist", arguments.should_not_exist),
    ):
        for index, value in enumerate(values):
            if "\0" in value:
                yield Refusal(f"$.kernelArguments.{field}.{index}", "it holds a zero byte")
    for index, unit in enumerate(config.systemd.units):
        at = f"$.systemd.units.{index}"
        if not _is_name(unit.name):
            yield _bad_name(f"{at}.name", unit.name)
        for number, dropin in enumerate(unit.dropins):
            if not _is_name(dropin.name):
                yield _bad_name(f"{at}.dropins.{number}.name", dropin.name)


def _unit(unit: ignition.Unit, at: str) -> Unit:
    return Unit(
        at=at,
        name=unit.name,
        # An empty unit is not written; an empty drop-in is.
        contents=Contents(data=unit.contents.encode()) if unit.contents else None,
        dropins=tuple(
            Dropin(dropin.name, Contents(data=dropin.contents.encode()))
            for dropin in unit.dropins
            if dropin.contents is not None
        ),
        mask=unit.mask,
    )


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name and "\n" not in name


def _bad_name(at: str, name: str) -> Refusal:
    return Refusal(
        at,
        f"{name!r} is not the name of a file: it holds a slash or a line end, or is a directory",
        "write a path in a unit's name as systemd-escape --path does",
    )
