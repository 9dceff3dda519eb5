"""PowerShell's values in Python, as far as the script needs them.

A string is a ``str`` of UTF-16 units, as .NET has it: what lies beyond U+FFFF is two surrogates.
An array is a ``list``, bytes are ``bytes``, ``$null`` is ``None``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


class ScriptError(Exception):
    """What PowerShell would throw."""


class Char(str):
    """One UTF-16 unit."""


def net(text: str) -> str:
    """A Python string as .NET keeps it."""
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(
        chr(int.from_bytes(data[at : at + 2], "little")) for at in range(0, len(data), 2)
    )


def python(text: str) -> str:
    """A .NET string as Python keeps it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class Dictionary:
    """``OrderedDictionary``; with ``fold`` a hashtable literal, whose keys ignore case."""

    def __init__(self, *, fold: bool = False) -> None:
        self._fold = fold
        self._items: dict[Any, tuple[Any, Any]] = {}

    def _folded(self, key: Any) -> Any:
        return key.lower() if self._fold and isinstance(key, str) else key

    def get(self, key: Any) -> Any:
        return self._items.get(self._folded(key), (None, None))[1]

    def set(self, key: Any, value: Any) -> None:
        folded = self._folded(key)
        self._items[folded] = (self._items.get(folded, (key, None))[0], value)

    def contains(self, key: Any) -> bool:
        return self._folded(key) in self._items

    def keys(self) -> list[Any]:
        return [key for key, _ in self._items.values()]

    def pairs(self) -> list[Pair]:
        return [Pair(key, value) for key, value in self._items.values()]

    def __len__(self) -> int:
        return len(self._items)

    @staticmethod
    def of(items: dict[str, Any]) -> Dictionary:
        result = Dictionary()
        for key, value in items.items():
            result.set(net(key), net(value) if isinstance(value, str) else value)
        return result

    def to_python(self) -> dict[str, Any]:
        return {python(str(key)): value for key, value in self._items.values()}


@dataclass
class Pair:
    """``DictionaryEntry``."""

    Key: Any
    Value: Any


class Custom:
    """``PSCustomObject`` and what stands for instances of WMI classes: named properties."""

    def __init__(self, **fields: Any) -> None:
        self.fields: dict[str, Any] = dict(fields)

    def __repr__(self) -> str:
        return f"Custom({self.fields})"


class Properties:
    """``PSObject.Properties`` of a ``Custom``."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._pairs = {name.lower(): Custom(Name=name, Value=fields[name]) for name in fields}

    def get(self, name: str) -> Custom | None:
        return self._pairs.get(name.lower())

    def __iter__(self) -> Iterator[Custom]:
        return iter(self._pairs.values())


class NetList:
    """``List[T]``."""

    def __init__(self) -> None:
        self.items: list[Any] = []


def truth(value: Any) -> bool:
    """What PowerShell takes for true."""
    if isinstance(value, list):
        return bool(value) and (truth(value[0]) if len(value) == 1 else True)
    if isinstance(value, (str, bytes, int, float)):
        return bool(value)
    return value is not None


def enumerated(value: Any) -> Iterable[Any]:
    """What comes out when a value is put into a pipeline or a foreach."""
    if value is None:
        return []
    if isinstance(value, NetList):
        return list(value.items)
    if isinstance(value, (list, bytes, Properties)):
        return list(value)
    return [value]


def collapsed(outputs: list[Any]) -> Any:
    """What a variable gets from the outputs of a pipeline."""
    return None if not outputs else outputs[0] if len(outputs) == 1 else outputs


def text(value: Any) -> str:
    """A value in a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, (list, NetList)):
        return " ".join(text(item) for item in enumerated(value))
    return str(value)
