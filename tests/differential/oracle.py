"""The real Ignition 2.14 as Debian packages it, made to behave as the newest where they differ.

Three wrappers on the path carry what the newest program does otherwise: ``groupadd`` turns into
``groupmod`` for a group that exists and leaves an unset password to the tool, ``systemctl disable``
passes over a unit that is not enabled, and ``setfiles`` does nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.debian_packages import unpack

PRESET = "etc/systemd/system-preset/20-ignition.preset"
#: 2.14 asks systemd for its version after it has written the presets of instances: the last thing
#: it does to a unit, and not possible where systemd does not run.
_NO_SYSTEMD = "/run/systemd/private: connect:"

_GROUPADD = f"""#!{sys.executable}
import os, sys
arguments = sys.argv[1:]
root, name = arguments[arguments.index("--root") + 1], arguments[-1]
at = arguments.index("--password")
if arguments[at + 1] == "*":
    del arguments[at:at + 2]
with open(root + "/etc/group") as file:
    exists = any(line.split(":")[0] == name for line in file)
if exists:
    arguments = [argument for argument in arguments if argument != "--system"]
program = "groupmod" if exists else "groupadd"
os.execv("/usr/sbin/" + program, [program, *arguments])
"""
_SYSTEMCTL = """#!/bin/sh
# called as: systemctl --root DIR disable NAME
if [ "$3" = disable ] && ! chroot "$2" systemctl --root=/ is-enabled "$4" >/dev/null 2>&1; then
    echo "$4" >> "${0%/*}/not-enabled"
    exit 0
fi
exec chroot "$2" systemctl --root=/ "$3" "$4"
"""


@dataclass(frozen=True)
class Outcome:
    """What came of applying a config; ``log`` is what the program said."""

    refused: bool
    log: str


@dataclass(frozen=True)
class Oracle:
    """An Ignition program; ``newest`` says that it needs none of the normalisations."""

    program: Path
    newest: bool = False


def packaged() -> Oracle:
    """Debian's Ignition 2.14, unpacked and not installed."""
    return Oracle(unpack("ignition") / "usr/lib/dracut/modules.d/30ignition/ignition")


def apply(oracle: Oracle, text: str, root: Path, work: Path) -> Outcome:
    """Apply the config ``text`` to ``root``, then the presets as the first boot does."""
    bin_dir = work / "bin"
    bin_dir.mkdir(parents=True)
    wrappers = {"setfiles": "#!/bin/sh\nexit 0\n"}
    if not oracle.newest:
        wrappers.update({"groupadd": _GROUPADD, "systemctl": _SYSTEMCTL})
    for name, script in wrappers.items():
        (bin_dir / name).write_text(script)
        (bin_dir / name).chmod(0o755)
    (work / "config.ign").write_text(text)
    environment = {
        **os.environ,
        "PATH": f"{bin_dir}:/usr/sbin:/usr/bin:/sbin:/bin",
        "IGNITION_CONFIG_FILE": str(work / "config.ign"),
        "IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT": "false",
    }
    log = ""
    for stage in ("fetch", "files"):
        result = subprocess.run(
            [
                str(oracle.program),
                "--platform=file",
                f"--stage={stage}",
                f"--root={root}",
                f"--config-cache={work / 'cache'}",
                f"--neednet={work / 'neednet'}",
                f"--state-file={work / 'state'}",
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0o022,
        )
        log += result.stdout
        if result.returncode != 0 and _NO_SYSTEMD not in result.stdout:
            return Outcome(refused=True, log=log)
    # With all that it refers to merged in.
    config = json.loads((work / "cache").read_bytes())
    if not oracle.newest:
        _newest_presets(root / PRESET, config, bin_dir / "not-enabled")
    _first_boot(root, config)
    return Outcome(refused=False, log=log)


def preset_units(config: dict[str, Any]) -> dict[tuple[str, bool], str]:
    """(unit or template, enabled) -> the unit as its preset line has it, in the newest's order."""
    instances: dict[tuple[str, bool], list[str]] = {}
    for unit in config.get("systemd", {}).get("units", []):
        if unit.get("enabled") is None:
            continue
        prefix, at, rest = unit["name"].partition("@")
        instance, _dot, suffix = rest.rpartition(".")
        name = f"{prefix}@.{suffix}" if at else unit["name"]
        instances.setdefault((name, unit["enabled"]), []).extend([instance] if at else [])
    ordered = sorted(instances, key=lambda key: f"{key[0]}-{'enabled' if key[1] else 'disabled'}")
    # A template by itself is an instance with an empty name: its line ends with a blank.
    return {
        key: f"{key[0]} {' '.join(instances[key])}" if "@" in key[0] else key[0] for key in ordered
    }


def _newest_presets(preset: Path, config: dict[str, Any], not_enabled: Path) -> None:
    """Sort the lines that were appended, and drop ``disable X`` where X was not enabled."""
    appended = preset_units(config)
    if not appended:
        return
    lines = preset.read_text().splitlines(keepends=True)
    kept = lines[: len(lines) - len(appended)]
    skipped = not_enabled.read_text().splitlines() if not_enabled.exists() else []
    for (_name, enabled), unit in appended.items():
        if enabled:
            kept.append(f"enable {unit}\n")
        elif unit not in skipped:
            kept.append(f"disable {unit}\n")
    if not kept:
        preset.unlink()
        with contextlib.suppress(OSError):
            preset.parent.rmdir()  # only if nothing else is in it
    else:
        preset.write_text("".join(kept))


def _first_boot(root: Path, config: dict[str, Any]) -> None:
    """Apply the presets of the units named in the config, as systemd does in a first boot."""
    units = config.get("systemd", {}).get("units", [])
    names = [unit["name"] for unit in units if unit.get("enabled")]
    for name in [*(name for name, enabled in preset_units(config) if enabled), *names]:
        subprocess.run(
            ["chroot", root, "systemctl", "--root=/", "preset", "--preset-mode=enable-only", name],
            capture_output=True,
        )
