"""``python3 -m datasource_hyperv_kvp.kvp.empty_pools``: what the boot's unit runs.

Empties the pools that the host fills, once a boot, before a KVP daemon starts; see
:mod:`datasource_hyperv_kvp.kvp.freshness`. Prints what was done. Exit 0 also if there was nothing
to do, 1 if the files cannot be emptied, 2 if the call is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

from datasource_hyperv_kvp.errors import KVPError
from datasource_hyperv_kvp.kvp.freshness import empty_pools
from datasource_hyperv_kvp.kvp.poolfile import POOL_DIR


def main(arguments: list[str]) -> int:
    """Empty the pools of the one directory that may be given."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print("usage: python3 -m datasource_hyperv_kvp.kvp.empty_pools [POOL_DIR]", file=sys.stderr)
        return 2
    try:
        print(empty_pools(Path(arguments[0]) if arguments else POOL_DIR))
    except KVPError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
