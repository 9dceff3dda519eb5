"""Ignition configs at random: mostly right, wrong in every way that anybody has thought of.

Which fields there are comes from the schemas; what stands in them from pools of good and bad
values that are small enough for collisions. The texts are written here and not by ``json``, for
they double keys, change their case, and break the syntax.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from datasource_hyperv_kvp.ignition.shape import Shape, shape_of
from tests.differential.config_values import POOLS, STRINGS, UNIT_NAMES, VERSIONS, WRONG_TYPES


class Pairs(list[tuple[str, Any]]):
    """An object that may have doubled keys."""


@dataclass
class Odds:
    """How often things go wrong, of 1."""

    bad: float = 0.02  # a bad value from the pool
    wrong: float = 0.002  # a value of a wrong type
    null: float = 0.01
    unknown: float = 0.01  # a key that nobody knows
    case: float = 0.004  # a key in another case
    double: float = 0.006  # a doubled key
    field: float = 0.45  # a field is there at all
    syntax: float = 0.02  # of the whole text


def config_text(rng: random.Random, minor: int, odds: Odds | None = None) -> bytes:
    """One config of specification 3.``minor``.0, or what was meant to be one."""
    odds = odds or rng.choice(
        [Odds(), Odds(bad=0.0), Odds(bad=0.15), Odds(null=0.1), Odds(double=0.05, case=0.03)]
    )
    tree = _value(rng, shape_of(minor), "", odds)
    if not isinstance(tree, Pairs):
        tree = Pairs()
    version = f"3.{minor}.0" if rng.random() < 0.98 else rng.choice(VERSIONS)
    tree = _with_version(tree, version)
    text = dump(tree, rng).encode("utf-8", "surrogatepass")
    return _broken(rng, text) if rng.random() < odds.syntax else text


def _with_version(tree: Pairs, version: Any) -> Pairs:
    result, found = Pairs(), False
    for key, value in tree:
        if key == "ignition" and isinstance(value, Pairs):
            found = True
            value = Pairs(
                [pair for pair in value if pair[0].lower() != "version"] + [("version", version)]
            )
        result.append((key, value))
    if not found:
        result.insert(0, ("ignition", Pairs([("version", version)])))
    return result


def _value(rng: random.Random, shape: Shape, name: str, odds: Odds, parent: str = "") -> Any:
    dice = rng.random()
    if dice < odds.wrong:
        return rng.choice(WRONG_TYPES)
    if dice < odds.wrong + odds.null:
        return None
    if shape.type == "object":
        return _object(rng, shape, name, odds)
    if shape.type == "array":
        assert shape.items is not None
        count = rng.choice([0, 1, 1, 2, 2, 3])
        return [_value(rng, shape.items, name, odds, parent) for _ in range(count)]
    if shape.type == "boolean":
        return rng.random() < 0.5
    return _scalar(rng, shape, name, odds, parent)


def _scalar(rng: random.Random, shape: Shape, name: str, odds: Odds, parent: str) -> Any:
    if name == "name" and parent in ("units", "dropins") and rng.random() < 0.9:
        return rng.choice(UNIT_NAMES if parent == "units" else ["x.conf", "y.conf", "a.service"])
    default = STRINGS if shape.type == "string" else ([0, 1, 2], [-1])
    good, bad = POOLS.get(name, default)
    if parent == "custom" and name == "config":
        good, bad = ["{}"], [""]
    if bad and rng.random() < odds.bad:
        return rng.choice(bad)
    return rng.choice(good)


_RARE = {
    "guid",
    "typeGuid",
    "replace",
    "append",
    "hard",
    "compression",
    "cex",
    "custom",
    "overwrite",
}
_USUAL = {
    "path",
    "device",
    "name",
    "source",
    "url",
    "thumbprint",
    "level",
    "devices",
    "number",
    "target",
}


def _object(rng: random.Random, shape: Shape, name: str, odds: Odds) -> Pairs:
    result = Pairs()
    for key, member in shape.properties.items():
        chance = 0.97 if key in _USUAL else odds.field / 2 if key in _RARE else odds.field
        if shape.folded.keys() >= {"ignition", "storage"}:
            chance = 0.6
        if rng.random() >= chance:
            continue
        written = key
        if rng.random() < odds.case:
            written = rng.choice(
                [key.upper(), key.capitalize(), key.replace("s", "ſ"), key.replace("k", "\u212a")]
            )
        result.append((written, _value(rng, member, key, odds, name)))
        if rng.random() < odds.double:
            again = rng.choice([key, key, key.upper()])
            result.append((again, _value(rng, member, key, odds, name)))
    if rng.random() < odds.unknown:
        result.append(
            (rng.choice(["foo", "x", "pathh", "", "é", "ignition"]), rng.choice(WRONG_TYPES))
        )
    if rng.random() < 0.1:
        rng.shuffle(result)
    return result


def dump(value: Any, rng: random.Random) -> str:
    """JSON, on one or several lines, escaped or not."""
    blank = rng.choice(["", "", " ", "\n", "\r\n  "])
    return _dump(value, blank, ensure_ascii=rng.random() < 0.5)


def _dump(value: Any, blank: str, *, ensure_ascii: bool) -> str:
    if isinstance(value, Pairs):
        pairs = (
            f"{blank}{json.dumps(key, ensure_ascii=ensure_ascii)}:{blank}"
            f"{_dump(item, blank, ensure_ascii=ensure_ascii)}"
            for key, item in value
        )
        return "{" + ",".join(pairs) + blank + "}"
    if isinstance(value, list):
        return (
            "["
            + ",".join(blank + _dump(item, blank, ensure_ascii=ensure_ascii) for item in value)
            + "]"
        )
    if value == float("inf"):
        return "1e400"
    return json.dumps(value, ensure_ascii=ensure_ascii)


_JUNK = [
    b",",
    b"}",
    b"]",
    b"{",
    b"[",
    b'"',
    b":",
    b"\\",
    b"\x00",
    b"\xff",
    b"\xe2\x82",
    b"NaN",
    b"01",
    b"\\ud800",
    b"\\x",
]
_JUNK += [
    b"null",
    b"\xef\xbb\xbf",
    b"\x0b",
    b"-",
    b"1.",
    b"+1",
    b"//x",
    b"'",
    b"\xed\xa0\x80",
    b"\t",
    b"\\ud83d\\ude00",
]


def _broken(rng: random.Random, text: bytes) -> bytes:
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(text) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:place] + text[place + 1 :]
        elif kind == 1:
            text = text[:place]
        elif kind == 2:
            text += rng.choice(_JUNK)
        else:
            text = text[:place] + rng.choice(_JUNK) + text[place:]
    return text
