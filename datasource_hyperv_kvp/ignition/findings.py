"""What is wrong with a config, or at least odd about it: where, and what to write instead."""

from __future__ import annotations

from typing import Union

from datasource_hyperv_kvp.apply.frozen import dataclass
from datasource_hyperv_kvp.ignition.config import Config

#: A place in a config: keys and list indices, from the top.
Path = tuple[Union[str, int], ...]


def path_text(path: Path) -> str:
    """``$.storage.files.0.path``, as Ignition's validator writes a place."""
    return ".".join(["$", *map(str, path)])


@dataclass(frozen=True)
class Finding:
    """One error or warning in the text of a config.

    :param path: where, as ``$.storage.files.0.contents.source``.
    :param message: what is wrong, and what to write instead.
    :param line: of the value, or of what should contain it; from 1. 0: there is no text.
    :param column: likewise, in bytes, from 1.
    """

    path: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.path}, line {self.line} column {self.column}" if self.line else self.path
        return f"{place}: {self.message}"


@dataclass(frozen=True)
class Result:
    """What :func:`~datasource_hyperv_kvp.ignition.parse` made of a text.

    :param config: the config; None if there are errors.
    """

    config: Config | None
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A finding before anybody has looked up its line and column.

    :param offset: where it stands in the text, if whoever reports it knows; None: at ``path``.
    """

    path: Path
    message: str
    is_error: bool = True
    offset: int | None = None


class Report:
    """Collects problems while the parts of a config are checked."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))

    def warning(self, path: Path, message: str, *, offset: int | None = None) -> None:
        self.problems.append(Problem(path, message, is_error=False, offset=offset))
