"""Run every benchmark, one after the other: ``python -m tests.bench [NAME...]``.

Each compares with something that does the same work on the same machine: a ratio means more than
seconds do.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Run the benchmarks of these names, ``pools`` for ``bench_pools.py``; all by default."""
    known = sorted(path.stem[len("bench_") :] for path in Path(__file__).parent.glob("bench_*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    for name in names or known:
        print(f"==> {name}", flush=True)
        importlib.import_module(f"tests.bench.bench_{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
