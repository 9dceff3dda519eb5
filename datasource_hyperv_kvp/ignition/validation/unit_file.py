"""The syntax of systemd's unit files, as the parser in Ignition reads it.

Source: ``go-systemd``'s ``unit/deserialize.go``. It is stricter than systemd in some places and
laxer in others: whatever stands before the first section is skipped.
"""

from __future__ import annotations

import re

#: A longer line is an error, if the parser notices: it looks ahead in a buffer of 4096 bytes.
LINE_MAX = 2048
_BUFFER = 4096

_LONG_LINE = re.compile(rb"[^\r\n]{%d}" % LINE_MAX)
#: What Go's unicode.IsSpace and bytes.TrimSpace take for blank, as UTF-8.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
_SPACES += "\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACE = re.compile("|".join(re.escape(char) for char in _SPACES).encode())


class UnitSyntaxError(ValueError):
    """The text is not a unit file; the message says why and what to write."""


def sections_with_options(text: str) -> frozenset[str]:
    """The names of all sections that have at least one option.

    :raises UnitSyntaxError: Ignition would refuse the text.
    """
    data = text.encode()
    parser = _Parser(data, has_long_lines=_LONG_LINE.search(data) is not None)
    parser.run()
    return frozenset(parser.sections)


class _Parser:
    def __init__(self, data: bytes, *, has_long_lines: bool) -> None:
        self.data = data
        self.has_long_lines = has_long_lines
        self.sections: set[str] = set()
        self._offset = 0
        self._filled = 0  # up to where the buffer holds the data

    def run(self) -> None:
        while self._look():
            start = self._character()
            if start == b"[":
                self._section()
                return
            if start in (b"#", b";"):
                self._comment()

    def _section(self) -> None:
        """From behind an opening bracket to the end of the text."""
        while True:
            self._look()
            name = self._until(b"]")
            if not name.endswith(b"]"):
                raise UnitSyntaxError('a section has no end; write it as "[Unit]"')
            self._look()
            rest = self._line()
            if _stripped(rest):
                raise UnitSyntaxError("something follows a section's closing bracket; remove it")
            if not self._options(name[:-1].decode()):
                return

    def _options(self, section: str) -> bool:
        """All lines of a section; True if another section follows."""
        while self._look():
            start = self._character()
            if start == b"[":
                return True
            if start in (b"#", b";"):
                self._comment()
            elif not _SPACE.fullmatch(start):
                self._offset -= len(start)
                self._option()
                self.sections.add(section)
        return False

    def _option(self) -> None:
        self._look()
        while True:
            if self._offset >= len(self.data):
                raise UnitSyntaxError('the last line is no option; write it as "Name=value"')
            character = self._character()
            if character in (b"\n", b"\r"):
                raise UnitSyntaxError('a line is no option; write it as "Name=value"')
            if character == b"=":
                break
        while True:
            self._look()
            line = self._line()
            if not (_stripped(line) and line.endswith(b"\\")):
                return

    def _comment(self) -> None:
        self._look()
        while True:
            line = self._line()
            if line.endswith(b" "):
                line = line[:-1]
            if not line.endswith(b"\\"):
                return

    def _look(self) -> bool:
        """What the parser does before each step: is there more, and is the line too long?"""
        if self.has_long_lines and self._filled - self._offset >= LINE_MAX:
            ahead = self.data[self._offset : self._offset + LINE_MAX]
            if _LONG_LINE.fullmatch(ahead):
                raise UnitSyntaxError(f"a line is longer than {LINE_MAX} bytes; break it with \\")
        return self._offset < len(self.data)

    def _character(self) -> bytes:
        start = self._offset
        first = self.data[start]
        length = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        if start + length > self._filled:
            self._filled = min(len(self.data), start + _BUFFER)
        self._offset = start + length
        return self.data[start : self._offset]

    def _until(self, delimiter: bytes) -> bytes:
        """Up to and with a delimiter, or up to the end."""
        found = self.data.find(delimiter, self._offset)
        start, end = self._offset, len(self.data) if found < 0 else found + 1
        while self._filled < end:
            # A full buffer is taken out whole, another one is topped up.
            if self._filled - self._offset >= _BUFFER:
                self._offset = self._filled
            else:
                self._filled = min(len(self.data), self._offset + _BUFFER)
        self._offset = end
        return self.data[start:end]

    def _line(self) -> bytes:
        line = self._until(b"\n")
        if line.endswith(b"\n"):
            return line[:-1]
        return line[:-1] if line.endswith(b"\r") else line


def _stripped(line: bytes) -> str:
    return line.decode().strip(_SPACES)
