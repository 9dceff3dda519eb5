"""PowerShell's syntax tree, by tree-sitter's grammar."""

from __future__ import annotations

import functools

import tree_sitter
import tree_sitter_powershell

#: These say something although they may have one child only.
_MEANINGFUL = {
    "variable",
    "command",
    "command_name",
    "expandable_string_literal",
    "sub_expression",
    "array_expression",
    "parenthesized_expression",
    "hash_literal_expression",
    "expression_with_unary_operator",
    "post_increment_expression",
    "type_literal",
    "argument_expression_list",
}


class Node:
    """A node of the syntax tree; asking tree-sitter's own again and again would be slow."""

    def __init__(self, node: tree_sitter.Node, source: bytes) -> None:
        self.type = node.type
        self.is_named = node.is_named
        self.start = node.start_byte
        self.end = node.end_byte
        self.data = source[self.start : self.end]
        self.source = self.data.decode()
        self.children = [Node(child, source) for child in node.children]
        self.named = [
            child for child in self.children if child.is_named and child.type != "comment"
        ]
        #: The node that says something below those that only stand for precedence.
        self.inner: Node = self
        if node.type not in _MEANINGFUL and len(self.children) == 1 and self.children[0].is_named:
            self.inner = self.children[0].inner


@functools.lru_cache(maxsize=4)
def parse(source: str) -> Node:
    """The syntax tree of a script.

    :raises SyntaxError: the grammar does not know a part of it.
    """
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    root = parser.parse(source.encode()).root_node
    wrong = _first_error(root)
    if wrong is not None:
        found = (wrong.text or b"").decode()
        raise SyntaxError(f"line {wrong.start_point[0] + 1}: {found[:80]!r}")
    return Node(root, source.encode())


def _first_error(node: tree_sitter.Node) -> tree_sitter.Node | None:
    if node.is_error or node.is_missing:
        return node
    return next((found for child in node.children if (found := _first_error(child))), None)


def only(node: Node) -> Node:
    (inner,) = node.named
    return inner


def child_of(node: Node, kind: str) -> Node:
    return next(child for child in node.children if child.type == kind)


def descendants(node: Node, kind: str) -> list[Node]:
    if node.type == kind:
        return [node]
    return [found for child in node.children for found in descendants(child, kind)]


def variable_name(node: Node) -> str:
    return node.inner.source[1:].lower()


def type_name(node: Node) -> str:
    return node.source[1:-1].lower()


def is_increment(node: Node) -> bool:
    return node.inner.type == "post_increment_expression"
