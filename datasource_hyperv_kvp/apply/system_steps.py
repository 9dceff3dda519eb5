"""Steps beyond accounts and nodes: units, presets, kernel arguments, labels, this boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import PlanError
from .frozen import dataclass, field
from .plan import CONTENTS, STRINGS, Codec, Contents, Step, kind


@dataclass(frozen=True)
class Dropin:
    """A file in ``UNIT.d/``; an empty one is written too."""

    name: str
    contents: Contents

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "contents": self.contents.to_json()}

    @classmethod
    def from_json(cls, value: Any) -> Dropin:
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise PlanError("a drop-in needs a name and contents")
        return cls(value["name"], Contents.from_json(value.get("contents")))


DROPINS = {
    "codec": Codec(
        lambda items: [item.to_json() for item in items],
        lambda items: tuple(Dropin.from_json(item) for item in items),
    )
}


@kind("kernel-arguments")
@dataclass(frozen=True)
class KernelArguments(Step):
    """Free strings, compared as whole tokens."""

    should_exist: tuple[str, ...] = field(default=(), metadata=STRINGS)
    should_not_exist: tuple[str, ...] = field(default=(), metadata=STRINGS)

    @property
    def key(self) -> str:
        return "kernel arguments"


@kind("unit")
@dataclass(frozen=True)
class Unit(Step):
    """The files of one unit in ``/etc/systemd/system``. ``mask`` None leaves it as it is."""

    name: str
    contents: Contents | None = field(default=None, metadata=CONTENTS)
    dropins: tuple[Dropin, ...] = field(default=(), metadata=DROPINS)
    mask: bool | None = None

    @property
    def key(self) -> str:
        return f"unit {self.name}"


@kind("presets")
@dataclass(frozen=True)
class Presets(Step):
    """Units to enable and disable: ``enable NAME``, ``disable NAME``, in the config's order."""

    units: tuple[str, ...] = field(default=(), metadata=STRINGS)

    @property
    def key(self) -> str:
        return "presets"

    def choices(self) -> tuple[tuple[str, bool], ...]:
        """(unit, whether it is to be enabled), in the config's order."""
        pairs = (line.partition(" ") for line in self.units)
        return tuple((name, verb == "enable") for verb, _blank, name in pairs)


@kind("labels")
@dataclass(frozen=True)
class Labels(Step):
    """SELinux labels for all that the steps before have made."""

    @property
    def key(self) -> str:
        return "labels"


@kind("this-boot")
@dataclass(frozen=True)
class ThisBoot(Step):
    """What the running system has read before the config came: told again, or one reboot."""

    @property
    def key(self) -> str:
        return "this boot"
