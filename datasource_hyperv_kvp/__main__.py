"""``python3 -m datasource_hyperv_kvp``: the command without its script."""

from __future__ import annotations

import sys

from datasource_hyperv_kvp.cli import main

if __name__ == "__main__":
    sys.exit(main())
