"""What the host says of itself and of this machine, named so that templates can use it."""

from __future__ import annotations

import re

from datasource_hyperv_kvp.kvp.pools import Pool

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")


def snake_case(key: str) -> str:
    """``VirtualMachineName`` to ``virtual_machine_name``; always a name that Jinja can use."""
    name = _NOT_A_NAME.sub("_", _WORD_STARTS.sub("_", key).lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def host_facts(pool: Pool) -> dict[str, str]:
    """Pool 3 with its keys in snake case. Bytes that are not UTF-8 become U+FFFD."""
    facts = {}
    for key, value in pool.items():
        name = snake_case(key)
        if name:
            facts[name] = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return facts
