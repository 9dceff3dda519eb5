"""The shape of a config: which keys there are and of what type, from ``schema/3.N.json``.

The schema files are the only place that knows. Importing ``jsonschema`` and running it over a
large config takes longer than everything else together, so a :class:`Shape` is compiled from the
schema: it can only say whether a config has the shape, and quickly. When it has not, the library
says what is wrong (``shape_findings``).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from datasource_hyperv_kvp.apply.frozen import dataclass

#: The schema's names of types that are not containers.
_SCALARS: dict[str, type] = {"string": str, "integer": int, "boolean": bool}

Schema = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """One schema, without its references."""

    schema: Schema
    type: str  # object, array, string, integer or boolean
    properties: dict[str, Shape]
    #: The same by :func:`folded` name, for keys in another case.
    folded: dict[str, str]
    #: By name, for the quick check: a Python type, or the shape itself.
    quick: dict[str, Any]
    items: Shape | None = None
    minimum: int = 0
    maximum: int = 0
    #: What null and a missing key amount to, where that differs from a field that is not set.
    default: Any = None
    has_default: bool = False

    def fits(self, value: Any) -> bool:
        """Is this a value of this shape in which nothing calls for a remark?

        That is: right types, no key that the schema lacks or that is written in another case, no
        null. False only means that somebody has to look closer.
        """
        if self.type == "object":
            return type(value) is dict and self._object_fits(value)
        if self.type == "array":
            return type(value) is list and self._list_fits(value)
        return self._scalar_fits(value)

    def _object_fits(self, value: dict[str, Any]) -> bool:
        quick = self.quick
        for key, item in value.items():
            wanted = quick.get(key)
            if type(item) is wanted and wanted is not int:
                continue
            if wanted is None or wanted is str or wanted is bool:
                return False
            shape = self.properties[key] if wanted is int else wanted
            if not shape.fits(item):
                return False
        return True

    def _list_fits(self, value: list[Any]) -> bool:
        items = self.items
        assert items is not None
        if items.type == "object":
            return all(type(item) is dict and items._object_fits(item) for item in value)
        return all(items.fits(item) for item in value)

    def _scalar_fits(self, value: Any) -> bool:
        if self.type == "integer":
            return type(value) is int and self.minimum <= value <= self.maximum
        return type(value) is _SCALARS[self.type]


def folded(key: str) -> str:
    """A key as Go's decoder compares it with the names of fields.

    The names are ASCII, and two letters beyond ASCII fold to ASCII ones: U+017F and U+212A.
    """
    return key.translate(_FOLD)


_FOLD = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_FOLD.update({0x017F: ord("s"), 0x212A: ord("k")})


@cache
def schema_of(minor: int) -> Schema:
    """The JSON Schema of specification 3.``minor``.0."""
    path = Path(__file__).parent / "schema" / f"3.{minor}.json"
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema


@cache
def shape_of(minor: int) -> Shape:
    """The compiled shape of specification 3.``minor``.0."""
    schema = schema_of(minor)
    return compile_shape(schema, schema["definitions"])


def compile_shape(schema: Schema, definitions: Schema) -> Shape:
    """The shape of a schema that uses no other keywords than ours do.

    :raises ValueError: it uses another one.
    """
    return _compile(schema, definitions, {})


def _compile(schema: Schema, definitions: Schema, known: dict[str, Shape]) -> Shape:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in known:
            known[name] = _compile(definitions[name], definitions, known)
        return known[name]
    other = schema.keys() - _KEYWORDS
    if other:
        raise ValueError(f"schema keywords without an implementation: {', '.join(sorted(other))}")
    (name,) = (kind for kind in schema["type"] if kind != "null")
    properties = {
        key: _compile(value, definitions, known)
        for key, value in schema.get("properties", {}).items()
    }
    return Shape(
        schema=schema,
        type=name,
        properties=properties,
        folded={folded(key): key for key in properties},
        quick={key: _SCALARS.get(member.type, member) for key, member in properties.items()},
        items=_compile(schema["items"], definitions, known) if name == "array" else None,
        minimum=schema.get("minimum", 0),
        maximum=schema.get("maximum", 0),
        default=schema.get("default"),
        has_default="default" in schema,
    )


_KEYWORDS = {
    *("$schema", "title", "description", "definitions"),
    *("type", "properties", "items", "minimum", "maximum", "default"),
}
