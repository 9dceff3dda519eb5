"""Cloud-config as text: YAML that shows scripts as they are.

The values are those of :func:`render`: a mapping of plain JSON values with scripts in lists. JSON
is YAML, so everything but a list of texts stands as JSON; a text of several lines becomes a literal
block. PyYAML's own emitter would take longer than all the rest for a large config.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

#: What a literal block can hold as it is: printable ASCII and line ends.
_LITERAL = bytes(range(0x20, 0x7F)) + b"\n"

#: Before every line but the first one and empty ones: in a block these are indented.
_LINE_END = re.compile(r"\n(?=.)")


def to_yaml(cloud_config: Mapping[str, Any]) -> str:
    """``#cloud-config`` and the mapping; ``yaml.safe_load`` gives the same mapping back."""
    parts = ["#cloud-config\n"]
    for key, value in cloud_config.items():
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            parts.append(f"{key}:\n")
            for item in value:
                if _is_block(item):
                    parts += ("- |\n  ", _LINE_END.sub("\n  ", item))
                else:
                    parts.append(f"- {json.dumps(item)}\n")
        else:
            parts.append(f"{key}: {json.dumps(value)}\n")
    return "".join(parts)


def _is_block(value: str) -> bool:
    return (
        value.endswith("\n")
        and not value.endswith("\n\n")
        and value[0] not in " \n"
        and not value.encode("utf-8", "surrogatepass").translate(None, _LITERAL)
    )
