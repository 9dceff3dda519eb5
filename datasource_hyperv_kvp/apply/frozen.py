"""Frozen dataclasses that cost nothing to define: the part of :mod:`dataclasses` that we use.

``dataclasses`` writes the source of each class's methods and compiles it, at every start of a
program. With some fifty classes that takes longer than to translate a config of 1,000 files. Here
all classes share the same methods. Type checkers see the real thing.

What carries out a plan imports nothing from around it, so this stands here; the model of a config
(``ignition.config``) uses it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

_T = TypeVar("_T")

_NO_METADATA: Mapping[str, Any] = {}


class _Missing:
    """The default of a field that has none."""


class _Field:
    """A field: its name, its default or :data:`MISSING`, and what else is to be known of it."""

    def __init__(
        self,
        *,
        default: Any = _Missing,
        metadata: Mapping[str, Any] = _NO_METADATA,
    ) -> None:
        self.default = default
        self.metadata = metadata
        self.name = ""


def _dataclass(*, frozen: bool, repr: bool = True) -> Callable[[type[_T]], type[_T]]:
    """As ``dataclasses.dataclass``, always frozen; compares and hashes by the fields."""
    if not frozen:
        raise TypeError("frozen is all that there is")
    methods: dict[str, Any] = {
        "__init__": _init,
        "__eq__": _eq,
        "__hash__": _hash,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__replace__": _replace,
    }
    if repr:
        methods["__repr__"] = _repr

    def define(cls: type[_T]) -> type[_T]:
        fields: dict[str, _Field] = dict(getattr(cls, "__fields__", ()))
        for name, annotation in getattr(cls, "__annotations__", {}).items():
            if not annotation.startswith("ClassVar"):
                found = cls.__dict__.get(name, fields.get(name, _Missing))
                fields[name] = found if isinstance(found, _Field) else _Field(default=found)
                fields[name].name = name
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        defaults = {name: field.default for name, field in fields.items()}
        required = [name for name, default in defaults.items() if default is _Missing]
        for name, value in (
            ("__fields__", fields),
            ("__defaults__", defaults),
            ("__required__", frozenset(required)),
        ):
            setattr(cls, name, value)
        return cls

    return define


def _init(self: Any, *values: Any, **named: Any) -> None:
    defaults = self.__defaults__
    if values:
        if len(values) > len(defaults):
            raise TypeError(f"{type(self).__name__} has no more than {len(defaults)} fields")
        for name, value in zip(defaults, values):
            if name in named:
                raise TypeError(f"{type(self).__name__}: {name} is given twice")
            named[name] = value
    mine = self.__dict__
    mine.update(defaults)
    mine.update(named)
    if len(mine) != len(defaults) or not self.__required__ <= named.keys():
        unknown = sorted(named.keys() - defaults.keys())
        missing = sorted(self.__required__ - named.keys())
        raise TypeError(f"{type(self).__name__}: unknown fields {unknown}, missing {missing}")


def _eq(self: Any, other: object) -> bool:
    return type(other) is type(self) and bool(other.__dict__ == self.__dict__)


def _hash(self: Any) -> int:
    return hash((type(self), *self.__dict__.values()))


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
    return f"{type(self).__name__}({fields})"


def _refuse(self: Any, name: str, *_value: object) -> NoReturn:
    raise AttributeError(f"{type(self).__name__} is frozen: {name} stays as it is")


def _replace(self: _T, /, **changes: Any) -> _T:
    return type(self)(**{**self.__dict__, **changes})


def _fields(cls: Any) -> tuple[_Field, ...]:
    return tuple(cls.__fields__.values())


def _is_dataclass(value: object) -> bool:
    return hasattr(value, "__fields__")


if TYPE_CHECKING:
    from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
else:
    MISSING, dataclass, field = _Missing, _dataclass, _Field
    fields, is_dataclass, replace = _fields, _is_dataclass, _replace

__all__ = ["MISSING", "dataclass", "field", "fields", "is_dataclass", "replace"]
