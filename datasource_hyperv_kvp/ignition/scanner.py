"""JSON text to a tree that knows where every value stands.

Python's own decoder is faster but keeps no positions, forgets doubled keys, recurses, and differs
from Ignition's in corners. This scanner is exact where it matters: RFC 8259's grammar and nothing
more, bytes that are no UTF-8 and lone surrogates become U+FFFD as Go's decoder makes them, and
nesting is bounded by :data:`MAX_DEPTH` instead of by the stack.
"""

from __future__ import annotations

import codecs
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from datasource_hyperv_kvp.ignition.plain_json import integer

#: Go's ``encoding/json`` refuses deeper nesting (``maxNestingDepth``).
MAX_DEPTH = 10_000

#: From so many digits on, an integer may be beyond the range of floating point numbers, too.
_FLOAT_DIGITS = 309

_BLANKS = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"([^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*)"')
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LITERALS = ((b"true", True), (b"false", False), (b"null", None))
_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)"
)
_SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_REPLACEMENT = "\ufffd"


class JSONSyntaxError(ValueError):
    """The text is not JSON.

    :param offset: the byte at which it stops being JSON.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass
class Node:
    """One JSON value.

    ``value`` is a str, int, float, bool or None; a list of :class:`Node`; or a list of
    :class:`Member`, in the order of the text, doubled keys included.
    """

    kind: str  # object, array, string, number, boolean or null
    start: int  # offset of the first byte
    value: Any = None


class Member(NamedTuple):
    """One key and its value in an object."""

    key: str
    start: int  # offset of the key's opening quote
    node: Node


def utf8(data: bytes) -> str:
    """Decode as Go ranges over a string: U+FFFD for every byte that belongs to no character."""
    return data.decode("utf-8", errors="ignition-utf8")


def _one_replacement_a_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _REPLACEMENT * (error.end - error.start), error.end


codecs.register_error("ignition-utf8", _one_replacement_a_byte)


def scan(data: bytes) -> Node:
    """The tree of a whole JSON text.

    :raises JSONSyntaxError: it is not JSON, is followed by something else, or is nested too deep.
    """
    return _Scanner(data).document()


def has_overflow(root: Node) -> bool:
    """Is there a number that floating point cannot hold?"""
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.kind == "array":
            nodes.extend(node.value)
        elif node.kind == "object":
            nodes.extend(member.node for member in node.value)
        elif node.kind == "number" and node.value in (math.inf, -math.inf):
            return True
    return False


@dataclass
class _Open:
    """An object or array whose end has not come yet."""

    node: Node
    key: str = ""
    key_start: int = 0


@dataclass
class _Scanner:
    data: bytes
    offset: int = 0
    stack: list[_Open] = field(default_factory=list)

    def document(self) -> Node:
        self._blanks()
        root = self._begin()
        while self.stack:
            self._continue()
        self._blanks()
        if self.offset < len(self.data):
            raise JSONSyntaxError("something follows the end of the document", self.offset)
        return root

    def _blanks(self) -> bytes:
        """Skip white space; the next byte, or none at the end."""
        match = _BLANKS.match(self.data, self.offset)
        if match:
            self.offset = match.end()
        return self.data[self.offset : self.offset + 1]

    def _begin(self) -> Node:
        """A scalar, or the beginning of an object or array, which goes on the stack."""
        start = self.offset
        byte = self.data[start : start + 1]
        if byte == b'"':
            return Node("string", start, self._string())
        if byte in (b"{", b"["):
            node = Node("object" if byte == b"{" else "array", start, [])
            if len(self.stack) >= MAX_DEPTH:
                raise JSONSyntaxError(f"nested deeper than {MAX_DEPTH:,} levels", start)
            self.offset += 1
            self.stack.append(_Open(node))
            # An end may come at once, a comma may not.
            closing = b"}" if byte == b"{" else b"]"
            if self._blanks() == closing:
                self.offset += 1
                self.stack.pop()
            elif byte == b"{":
                self._key()
            return node
        if byte == b"-" or byte.isdigit():
            return self._number()
        for text, value in _LITERALS:
            if self.data.startswith(text, start):
                self.offset += len(text)
                return Node("null" if value is None else "boolean", start, value)
        if not byte:
            raise JSONSyntaxError("the document ends too early", start)
        raise JSONSyntaxError("expected a value here", start)

    def _continue(self) -> None:
        """One value of the innermost open object or array, and what follows it."""
        top = self.stack[-1]
        self._blanks()
        child = self._begin()
        if top.node.kind == "object":
            top.node.value.append(Member(top.key, top.key_start, child))
        else:
            top.node.value.append(child)
        if self.stack[-1] is not top:
            return  # the child is open; its end comes first
        self._after_value()

    def _after_value(self) -> None:
        """Commas and closing brackets, until a value has to follow or all is closed."""
        while self.stack:
            top = self.stack[-1]
            is_object = top.node.kind == "object"
            byte = self._blanks()
            if byte == b",":
                self.offset += 1
                if is_object:
                    self._blanks()
                    self._key()
                return
            if byte != (b"}" if is_object else b"]"):
                expected = "a comma or }" if is_object else "a comma or ]"
                what = "the document ends too early" if not byte else f"expected {expected} here"
                raise JSONSyntaxError(what, self.offset)
            self.offset += 1
            self.stack.pop()

    def _key(self) -> None:
        top = self.stack[-1]
        if self.data[self.offset : self.offset + 1] != b'"':
            what = "expected a key in double quotes here"
            if self.offset >= len(self.data):
                what = "the document ends too early"
            raise JSONSyntaxError(what, self.offset)
        top.key_start = self.offset
        top.key = self._string()
        if self._blanks() != b":":
            raise JSONSyntaxError("expected a colon after the key", self.offset)
        self.offset += 1

    def _string(self) -> str:
        match = _STRING.match(self.data, self.offset)
        if not match:
            raise JSONSyntaxError(
                "this string has no end, a raw control character, or an escape that JSON lacks",
                self.offset,
            )
        self.offset = match.end()
        raw = match.group(1)
        text = utf8(raw)
        return _ESCAPE.sub(_unescaped, text) if b"\\" in raw else text

    def _number(self) -> Node:
        start = self.offset
        match = _NUMBER.match(self.data, start)
        if not match:
            raise JSONSyntaxError("this is not a number as JSON writes it", start)
        self.offset = match.end()
        text = match.group().decode("ascii")
        if match.group(1) is None and match.group(2) is None:
            value = integer(text)
            return Node("number", start, value if len(text) < _FLOAT_DIGITS else float(text))
        return Node("number", start, float(text))


def _unescaped(match: re.Match[str]) -> str:
    high, low, unit, short = match.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00))
    if unit is not None:
        code = int(unit, 16)
        return _REPLACEMENT if 0xD800 <= code <= 0xDFFF else chr(code)
    return _SHORT_ESCAPES.get(short, short)


class Lines:
    """Offsets to lines and columns, both from 1; a column counts bytes."""

    def __init__(self, data: bytes) -> None:
        self._starts = [0]
        self._starts.extend(match.end() for match in re.finditer(rb"\n", data))

    def position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
