"""Unit files as the disk has them, read far enough to know what pulls and orders what.

Only dependencies are read. A machine's units are found where systemd looks for them
(``systemd.unit(5)``), the first directory winning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

SEARCH = tuple(
    Path(path)
    for path in (
        "/etc/systemd/system",
        "/run/systemd/generator.early",
        "/run/systemd/system",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/run/systemd/generator.late",
    )
)

_PULLS = ("Wants", "Requires", "BindsTo", "Upholds")


@dataclass(frozen=True)
class UnitFile:
    """Dependencies of one unit, explicit ones only.

    :param pulls: units started with it. :param wanted_by: what ``[Install]`` ties it to.
    """

    name: str
    pulls: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    wanted_by: frozenset[str] = frozenset()
    default_dependencies: bool = True


def parse(name: str, texts: Iterable[str]) -> UnitFile:
    """A unit from its file and drop-ins, in their order."""
    values: dict[str, list[str]] = {}
    default_dependencies = True
    for text in texts:
        section = ""
        for line in text.replace("\\\n", " ").splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" in line and not line.startswith(("#", ";")):
                key, value = (part.strip() for part in line.split("=", 1))
                if section == "Unit" and key == "DefaultDependencies":
                    default_dependencies = value.lower() not in ("no", "false", "off", "0", "n")
                elif section in ("Unit", "Install"):
                    values.setdefault(key, []).extend(_names(value, name))

    def names(*keys: str) -> frozenset[str]:
        return frozenset(found for key in keys for found in values.get(key, ()))

    return UnitFile(
        name=name,
        pulls=names(*_PULLS),
        after=names("After"),
        before=names("Before"),
        wanted_by=names("WantedBy", "RequiredBy", "UpheldBy"),
        default_dependencies=default_dependencies,
    )


def _names(value: str, unit: str) -> list[str]:
    stem, _at, rest = unit.partition("@")
    instance = rest.rpartition(".")[0]
    specifiers = {"%i": instance, "%I": instance, "%p": stem, "%n": unit}
    for specifier, meaning in specifiers.items():
        value = value.replace(specifier, meaning)
    return value.split()


@dataclass
class UnitFiles:
    """All units that the directories hold, read when they are asked for."""

    search: Sequence[Path] = SEARCH
    _units: dict[str, UnitFile | None] = field(default_factory=dict)

    def real_name(self, name: str) -> str:
        """The unit that an alias stands for."""
        for directory in self.search:
            path = directory / name
            if path.is_symlink():
                target = path.readlink().name
                return name if target in (name, "null") or "@." in target else target
            if path.exists():
                return name
        return name

    def get(self, name: str) -> UnitFile | None:
        """A unit by its real name; None if there is none, or it is masked."""
        if name not in self._units:
            self._units[name] = self._read(name)
        return self._units[name]

    def _read(self, name: str) -> UnitFile | None:
        stem, at, rest = name.partition("@")
        template = f"{stem}@.{rest.rpartition('.')[2]}" if at else name
        text = self._text(name)
        if text is None and template != name:
            text = self._text(template)
        if text is None and name.endswith((".target", ".mount", ".slice")):
            text = ""
        if not text and self._is_masked(name):
            return None
        if text is None:
            return None
        dropins: dict[str, Path] = {}
        for owner in dict.fromkeys((template, name)):
            for directory in self.search:
                for path in (directory / f"{owner}.d").glob("*.conf"):
                    dropins.setdefault(path.name, path)
        texts = [text, *(_content(dropins[key]) for key in sorted(dropins))]
        unit = parse(name, texts)
        return replace(unit, pulls=unit.pulls | self._linked(name))

    def _text(self, name: str) -> str | None:
        for directory in self.search:
            path = directory / name
            if path.is_file():
                return _content(path)
            if path.is_symlink():
                return None
        return None

    def _is_masked(self, name: str) -> bool:
        paths = (directory / name for directory in self.search)
        first = next((path for path in paths if path.is_symlink() or path.exists()), None)
        return first is not None and first.is_symlink() and str(first.readlink()) == "/dev/null"

    def _linked(self, name: str) -> frozenset[str]:
        return frozenset(
            link.name
            for directory in self.search
            for kind in ("wants", "requires", "upholds")
            for link in (directory / f"{name}.{kind}").glob("*")
        )

    def put(self, unit: UnitFile) -> None:
        """A unit that is not on the disk yet."""
        self._units[unit.name] = unit

    def closure(self, roots: Iterable[str]) -> Mapping[str, UnitFile]:
        """The units that start when ``roots`` do: pulled in, by explicit and default ties."""
        found: dict[str, UnitFile] = {}
        todo = [self.real_name(name) for name in roots]
        while todo:
            name = todo.pop()
            unit = self.get(name)
            if name in found or unit is None:
                continue
            found[name] = unit
            pulls = unit.pulls
            if unit.default_dependencies and not name.endswith(".target"):
                pulls = pulls | {"sysinit.target"}
            todo += [self.real_name(other) for other in pulls]
        return found


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
