"""Faults, and the scripts by which they show in ``cloud-init status``.

cloud-init before 23.4 does not count logged errors. On all versions a script that fails makes the
status an error, and ``cloud-init status --long`` shows the script's name.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

#: What the scripts' names begin with.
PREFIX = "HyperVKVP-"

#: The kernel's name for this boot.
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_INSTANCE_ID = Path("/var/lib/cloud/data/instance-id")


@dataclass(frozen=True)
class Fault:
    """Something of the payload that this instance came up without.

    :param name: what is at fault, in a few words of ASCII: it becomes the script's name.
    :param message: the whole story: where, what was expected, what was found, what to do.
    """

    name: str
    message: str

    @property
    def script_name(self) -> str:
        """The name of a file."""
        return PREFIX + re.sub(r"[^A-Za-z0-9_.-]+", "-", self.name).strip("-.")

    def script_of_instance(self, instance_id: str) -> str:
        """Return a shell script that fails at every boot of this instance, and of no other."""
        return self._script(f"{_is(_INSTANCE_ID, instance_id)} || exit 0")

    def script_of_boot(self, boot_id: str) -> str:
        """Return a shell script that fails in this boot; in the next it removes itself."""
        return self._script(f'{_is(BOOT_ID, boot_id)} || exec rm -f -- "$0"')

    def _script(self, condition: str) -> str:
        return f"""#!/bin/sh
# Does nothing but fail, so that cloud-init reports what is wrong with this instance.
{condition}
echo {shlex.quote(self.message)} >&2
exit 1
"""


def _is(file: Path, text: str) -> str:
    return f'[ "$(cat {file})" = {shlex.quote(text)} ]'


def show_in_this_boot(cloud_dir: Path, fault: Fault) -> None:
    """Make a fault show, whoever's instance the machine becomes in this boot.

    :param cloud_dir: cloud-init's directory, ``/var/lib/cloud``.
    :raises OSError: the script cannot be written.
    """
    path = _directory(cloud_dir) / fault.script_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o700)
    path.write_text(fault.script_of_boot(BOOT_ID.read_text().strip()))


def remove_scripts(cloud_dir: Path) -> None:
    """Remove the scripts that earlier boots have left.

    :raises OSError: a script cannot be removed.
    """
    for script in _directory(cloud_dir).glob(f"{PREFIX}*"):
        script.unlink()


def _directory(cloud_dir: Path) -> Path:
    return cloud_dir / "scripts" / "per-boot"
