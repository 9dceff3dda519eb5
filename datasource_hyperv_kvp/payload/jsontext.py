"""Where a JSON object in a text ends, for documents whose end nothing else tells."""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(r'"(?:[^"\\]+|\\.)*("?)|[{}\[\]]', re.DOTALL)


def end_of_object(text: str) -> int | None:
    """The index after the JSON object that a text begins with; ``None`` if there is none."""
    start = len(text) - len(text.lstrip())
    if not text.startswith("{", start):
        return None
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def is_cut_object(text: str) -> bool:
    """Whether a text begins as a JSON object does and ends before it is closed.

    Only strings and brackets are looked at. YAML in flow style and templates can begin with a
    brace too; JSON goes on with a quote, or is cut right there.
    """
    if not re.match(r'\s*\{\s*("|$)', text) or end_of_object(text) is not None:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token.group()[0]
        if first == '"':
            if not token.group(1):
                return True
        else:
            depth += 1 if first in "{[" else -1
            if depth <= 0:
                return False
    return True
