"""A scanned JSON tree to plain values, by the rules of the decoder that Ignition uses.

Those are Go's ``encoding/json`` rules: keys match in any case; of doubled keys the last wins, but
objects merge field by field and list items are decoded over the former ones in place; null sets
nothing, or unsets what can be unset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datasource_hyperv_kvp.ignition.findings import Path
from datasource_hyperv_kvp.ignition.scanner import Node
from datasource_hyperv_kvp.ignition.shape import Shape, folded


class DecodedList(list[Any]):
    """A list that remembers items which a shorter list of a doubled key has hidden.

    Go keeps them in the same memory, and a longer list of yet another doubled key shows them again.
    """

    hidden: list[Any]

    def __init__(self, items: list[Any], hidden: list[Any]) -> None:
        super().__init__(items)
        self.hidden = hidden


@dataclass(frozen=True)
class Misfit:
    """A value of a wrong type."""

    path: Path
    node: Node
    shape: Shape


@dataclass
class Decoder:
    """Decodes, and notes values of wrong types instead of using them."""

    misfits: list[Misfit] = field(default_factory=list)

    def decode(self, node: Node, shape: Shape, path: Path = (), former: Any = None) -> Any:
        """The value of ``node``; ``former`` is what an earlier one of the same key has left."""
        if node.kind == "null":
            return self._null(shape, former)
        if not _has_type(node, shape):
            self.misfits.append(Misfit(path, node, shape))
            return former
        if shape.type == "object":
            return self._object(node, shape, path, former)
        if shape.type == "array":
            return self._list(node, shape, path, former)
        return node.value

    def _null(self, shape: Shape, former: Any) -> Any:
        stays = shape.type == "object"
        if shape.has_default:
            stays = shape.default is not None
        return former if stays else None

    def _object(self, node: Node, shape: Shape, path: Path, former: Any) -> dict[str, Any]:
        result: dict[str, Any] = {} if former is None else former
        for key, _, child in node.value:
            name = key if key in shape.properties else shape.folded.get(folded(key))
            if name is not None:
                member = shape.properties[name]
                result[name] = self.decode(child, member, (*path, name), result.get(name))
        return result

    def _list(self, node: Node, shape: Shape, path: Path, former: Any) -> list[Any]:
        assert shape.items is not None
        if not node.value:
            return DecodedList([], [])
        there = [*former, *former.hidden] if former is not None else []
        items = [
            self.decode(child, shape.items, (*path, i), there[i] if i < len(there) else None)
            for i, child in enumerate(node.value)
        ]
        return DecodedList(items, there[len(items) :])


def _has_type(node: Node, shape: Shape) -> bool:
    if shape.type == "integer":
        return type(node.value) is int and shape.minimum <= node.value <= shape.maximum
    return node.kind == shape.type


def locate(root: Node, path: Path) -> Node:
    """The node at ``path``, or the innermost one there is on the way to it."""
    node = root
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        node = child
    return node


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(step, int):
        items: list[Node] = node.value if node.kind == "array" else []
        return items[step] if step < len(items) else None
    if node.kind != "object":
        return None
    exact: list[Node] = [member.node for member in node.value if member.key == step]
    if exact:
        return exact[-1]
    same: list[Node] = [member.node for member in node.value if folded(member.key) == folded(step)]
    return same[-1] if same else None
