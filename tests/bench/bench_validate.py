"""How fast a config becomes cloud-config, as ratios to Debian's ``ignition-validate``.

The config has 1,000 files and 1 MiB. ``hyperv-kvp validate`` parses and validates it as the peer
does; ``hyperv-kvp render`` does that too, and translates. All are whole processes, from a warm
cache of compiled modules, as a package has it. ``python -m tests.bench.bench_validate`` prints the
ratios; 1 is as fast, 2 takes twice as long.
"""

from __future__ import annotations

import base64
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasource_hyperv_kvp
from tests.tools.debian_packages import unpack

FILES = 1000
BYTES = 1 << 20
ROUNDS = 20
#: What the installed command ``hyperv-kvp`` does.
_SCRIPT = "import sys; from datasource_hyperv_kvp.cli import main; sys.exit(main())"


def ratios() -> dict[str, float]:
    """Our time divided by the peer's, the median of some rounds, for each subcommand."""
    peer = [str(unpack("ignition") / "usr/bin/ignition-validate")]
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.ign"
        config.write_text(config_text())
        environment = _environment(Path(name) / "pycache")
        commands = {
            subcommand: [sys.executable, "-c", _SCRIPT, subcommand]
            for subcommand in ("validate", "render")
        }
        return {
            f"{subcommand}, {FILES:,} files": _ratio(
                [*command, str(config)], [*peer, str(config)], environment
            )
            for subcommand, command in commands.items()
        }


def config_text() -> str:
    """A valid config of 1 MiB, the same every time."""
    rng = random.Random(1)
    each = BYTES // FILES - 170  # what stands around the contents
    config: dict[str, Any] = {
        "ignition": {"version": "3.3.0"},
        "storage": {
            "files": [_file(number, rng.randbytes(each * 3 // 4)) for number in range(FILES)]
        },
        "systemd": {
            "units": [
                {
                    "name": "example.service",
                    "enabled": True,
                    "contents": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=a.target\n",
                }
            ]
        },
    }
    return json.dumps(config)


def _file(number: int, contents: bytes) -> dict[str, Any]:
    return {
        "path": f"/etc/example/conf.d/file-{number:04}.conf",
        "mode": 0o644,
        "user": {"name": "root"},
        "group": {"id": 0},
        "contents": {"source": "data:;base64," + base64.b64encode(contents).decode()},
    }


def _environment(pycache: Path) -> dict[str, str]:
    root = str(Path(datasource_hyperv_kvp.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONPYCACHEPREFIX": str(pycache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _ratio(ours: Sequence[str], peer: Sequence[str], environment: dict[str, str]) -> float:
    """The median of pairs that ran one after the other, each of the two first every other time."""
    _time(ours, environment)  # compiles the modules
    _time(peer, environment)
    found = []
    for number in range(ROUNDS):
        pair = (ours, peer) if number % 2 else (peer, ours)
        seconds = {command[0]: _time(command, environment) for command in pair}
        found.append(seconds[ours[0]] / seconds[peer[0]])
    return statistics.median(found)


def _time(command: Sequence[str], environment: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.monotonic() - started


def main() -> None:
    for situation, ratio in ratios().items():
        print(f"{situation:<32} {ratio:5.2f}")


if __name__ == "__main__":
    main()
