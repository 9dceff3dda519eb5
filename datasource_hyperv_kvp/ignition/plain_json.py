"""JSON by Python's own decoder, as far as it surely understands the text as Ignition does."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

#: More digits than a 64-bit integer can have; such a number is only known to be out of range.
_LONGEST_INTEGER = 20
_OUT_OF_RANGE = 1 << 64
_SURROGATE = re.compile(rb"\\u[dD]")


class _IrregularError(ValueError):
    """JSON that Python and Ignition may understand differently."""


def plain_object(data: bytes) -> dict[str, Any] | None:
    """The decoded object; None if only ``scanner`` can say what the text is, or what is wrong."""
    try:
        if _SURROGATE.search(data):  # perhaps half of a pair
            return None
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_doubles,
            parse_int=integer,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def integer(text: str) -> int:
    """The value of a JSON integer, never slowly: far out of range is all the same."""
    if len(text) > _LONGEST_INTEGER:
        return -_OUT_OF_RANGE if text[0] == "-" else _OUT_OF_RANGE
    return int(text)


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _IrregularError("doubled keys")
    return values


def _no_constant(name: str) -> NoReturn:
    raise _IrregularError(f"{name} is not JSON")
