"""Keys as a PowerShell expression: an ordered dictionary, in ASCII.

Windows PowerShell takes a file without a byte order mark for one in the local code page, and
editors change line ends. So nothing but printable ASCII stands in the result.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping


def literal(keys: Mapping[str, str]) -> str:
    """An expression whose value is an ordered dictionary of the keys, in their order."""
    entries = "".join(f"    {_quoted(key)} = {_value(value)}\n" for key, value in keys.items())
    return f"[ordered]@{{\n{entries}}}"


def _value(text: str) -> str:
    lines = text.split("\n")
    if not all(line.isascii() and (line.isprintable() or not line) for line in lines):
        data = base64.b64encode(text.encode()).decode("ascii")
        return f"[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{data}'))"
    if len(lines) == 1:
        return _quoted(text)
    items = ",\n".join(f"        {_quoted(line)}" for line in lines)
    return f'@(\n{items}\n    ) -join "`n"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
