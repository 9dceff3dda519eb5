"""Cloud-config as text: YAML that shows scripts as they are.

The values are those of :func:`render`: a mapping of plain JSON values with scripts in lists. JSON
is YAML, so everything but a list of texts stands as JSON; a text of several lines becomes a literal
block. PyYAML's own emitter would take longer than all the rest for a large config.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: What a literal block can hold as it is: printable ASCII and line ends.
_LITERAL = bytes(range(0x20, 0x7F)) + b"\n"


def to_yaml(cloud_config: Mapping[str, Any]) -> str:
    """``#cloud-config`` and the mapping; ``yaml.safe_load`` gives the same mapping back."""
    lines = ["#cloud-config"]
    for key, value in cloud_config.items():
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            lines.append(f"{key}:")
            lines += [
                f"- {_block(item) if _is_block(item) else json.dumps(item)}" for item in value
            ]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _is_block(value: str) -> bool:
    return (
        value.endswith("\n")
        and not value.endswith("\n\n")
        and value[0] not in " \n"
        and not value.encode("utf-8", "surrogatepass").translate(None, _LITERAL)
    )


def _block(text: str) -> str:
    return "|\n" + "\n".join([f"  {line}" if line else "" for line in text[:-1].split("\n")])
