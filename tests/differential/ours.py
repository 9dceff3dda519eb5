"""The same config through us: to cloud-config, and carried out in a chroot."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasource_hyperv_kvp.cloudconfig import render
from datasource_hyperv_kvp.errors import HyperVKVPError
from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.resolve import resolve
from datasource_hyperv_kvp.ignition.resources import Fetcher
from tests.differential.oracle import Outcome
from tests.differential.overlay import overlay
from tests.differential.snapshot import Copy

INSTANCE = "differential"


def rendered(text: str) -> tuple[dict[str, Any], Outcome]:
    """The cloud-config for an Ignition config, or why there is none."""
    result = parse(text)
    if result.config is None:
        return {}, Outcome(refused=True, log="\n".join(map(str, result.errors)))
    try:
        config = resolve(result.config, Fetcher(offline=True))
        # What "core" is given beyond Ignition's account is a difference that is meant.
        return render(config, core_rights=False), Outcome(refused=False, log="")
    except HyperVKVPError as error:
        return {}, Outcome(refused=True, log=str(error))


class Direct:
    """A copy of ``root`` to which the rendered cloud-config is applied, without cloud-init."""

    ignore: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def apply(self, config: str, work: Path) -> Iterator[tuple[Copy, Outcome]]:
        with overlay(self._root, work) as copy:
            yield copy, apply(config, copy.merged)


def apply(text: str, root: Path) -> Outcome:
    """Run the rendered ``bootcmd`` in ``root`` as cloud-init runs it: one script, by ``sh``."""
    cloud_config, outcome = rendered(text)
    if outcome.refused:
        return outcome
    instance = root / "var/lib/cloud/instances" / INSTANCE
    instance.mkdir(parents=True, exist_ok=True)
    script = root / "run/bootcmd"
    script.write_text(shellify(cloud_config.get("bootcmd", [])))
    for name in ("null", "urandom"):
        device = root / "dev" / name
        device.touch()
        subprocess.run(["mount", "--bind", f"/dev/{name}", str(device)], check=True)
    result = subprocess.run(
        ["chroot", str(root), "/bin/sh", "/run/bootcmd"],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "INSTANCE_ID": INSTANCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o022,
    )
    script.unlink()
    return Outcome(refused=result.returncode != 0, log=result.stdout)


def shellify(commands: list[Any]) -> str:
    """A ``bootcmd`` list as the script that cloud-init makes of it."""
    lines = ["#!/bin/sh"]
    for command in commands:
        lines.append(command if isinstance(command, str) else shlex.join(map(str, command)))
    return "\n".join(lines) + "\n"
