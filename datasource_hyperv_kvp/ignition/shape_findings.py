"""What is wrong with the shape of a config, and which of its keys nothing will read."""

from __future__ import annotations

import math
from typing import Any

from datasource_hyperv_kvp.ignition.decoding import Misfit
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.scanner import Node
from datasource_hyperv_kvp.ignition.shape import Schema, Shape, folded

_EMPTY: dict[str, Any] = {"array": [], "object": {}}

_NOUNS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "boolean": "true or false",
    "number": "a number",
    "null": "null",
}


def report_misfits(misfits: list[Misfit], definitions: Schema, report: Report) -> None:
    """Errors for values of wrong types, in the words of the JSON Schema library's verdict.

    Every misfit is judged by itself, also one that a doubled key overrides later: for Ignition
    that is an error too.
    """
    from jsonschema import Draft4Validator  # slow to import, rarely needed

    for misfit in misfits:
        schema = {**misfit.shape.schema, "definitions": definitions}
        # What lies inside a list or object of a wrong type has no say in this.
        value = _EMPTY.get(misfit.node.kind, misfit.node.value)
        (error, *_) = Draft4Validator(schema).iter_errors(value)
        report.error(misfit.path, _sentence(error.validator, misfit))


def _sentence(keyword: str, misfit: Misfit) -> str:
    wanted = _NOUNS[misfit.shape.type]
    if keyword in ("minimum", "maximum") or misfit.node.value in (math.inf, -math.inf):
        return "this integer is out of range; write one that fits in 64 bits"
    found = _NOUNS[misfit.node.kind]
    if misfit.shape.type == "integer" and misfit.node.kind == "number":
        return "expected an integer, found a fraction or an exponent; write plain digits, as 420"
    if misfit.shape.type == "integer" and misfit.path[-1:] == ("mode",):
        return f"expected an integer, found {found}; write the mode in decimal: 420 is 0644"
    if misfit.shape.type == "integer" and misfit.node.kind == "string":
        return "expected an integer, found a string; write the number without quotes"
    if misfit.shape.type == "boolean" and misfit.node.kind == "string":
        return "expected true or false, found a string; write it without quotes"
    if misfit.shape.type == "array":
        return f"expected a list, found {found}; put it in square brackets"
    if misfit.shape.type == "string" and misfit.node.kind == "number":
        return "expected a string, found a number; put it in double quotes"
    return f"expected {wanted}, found {found}; write {wanted} or leave it out"


def report_unused(node: Node, shape: Shape, value: Any, report: Report, path: Path = ()) -> None:
    """Warnings for keys that no field of this specification has, and for null objects.

    ``value`` is what was decoded from ``node``. Keys count in their exact case here, and of
    doubled ones only the last, although decoding is more generous: that is how Ignition warns.
    """
    if value is None and shape.has_default:
        return
    if shape.type == "object":
        if node.kind == "null":
            what = "null sets nothing here; write an object or leave the key out"
            report.warning(path, what, offset=node.start)
        if node.kind == "object":
            _unused_keys(node, shape, value or {}, report, path)
    elif shape.type == "array" and node.kind == "array" and value:
        assert shape.items is not None
        if shape.items.type == "object":
            for index, (child, item) in enumerate(zip(node.value, value)):
                report_unused(child, shape.items, item, report, (*path, index))


def _unused_keys(
    node: Node, shape: Shape, value: dict[str, Any], report: Report, path: Path
) -> None:
    last = {member.key: member for member in node.value}
    for key, member in last.items():
        inner = shape.properties.get(key)
        if inner is None:
            report.warning((*path, key), _unused_sentence(key, shape), offset=member.start)
        elif inner.type in ("object", "array"):
            report_unused(member.node, inner, value.get(key), report, (*path, key))


def _unused_sentence(key: str, shape: Shape) -> str:
    name = shape.folded.get(folded(key))
    if name is not None:
        return f"unused key {key}; it counts as {name}: write it so"
    return f"unused key {key}; remove it, or check its spelling and the version of the config"
