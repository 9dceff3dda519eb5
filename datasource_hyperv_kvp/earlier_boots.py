"""Earlier boots of this machine: which instance they made of it, and whether that stands.

Each question is answered from files below cloud-init's directory alone, so that a provisioned
machine asks nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasource_hyperv_kvp import damage, faults, interrupted, platform

LOG = logging.getLogger(__name__)

#: What a datasource object owes to the process that holds it, and not to the host's keys.
PROCESS_ATTRIBUTES = frozenset({"sys_cfg", "ds_cfg", "distro", "paths", "ud_proc"})


@dataclass(frozen=True)
class EarlierBoots:
    """What they left.

    :param cloud_dir: cloud-init's directory, ``/var/lib/cloud``.
    """

    cloud_dir: Path

    @property
    def instance_id(self) -> str:
        """The instance of the last boot; empty if there was none."""
        try:
            return (self.cloud_dir / "data" / "instance-id").read_text().strip()
        except OSError:
            return ""

    @property
    def datasource(self) -> Path | None:
        """The datasource object of the last boot, pickled by cloud-init."""
        path = self.cloud_dir / "instances" / self.instance_id / "obj.pkl"
        return path if path.is_file() else None

    def made(self, instance_id: str, fingerprint: str | None, *, here: str, then: str) -> bool:
        """Tell whether an earlier boot made this instance of this machine, and came to a good end.

        :param fingerprint: of the payload that it used, see :func:`damage.fingerprint`.
        :param here: this machine's system UUID.
        :param then: that of the machine that the payload was read on.
        """
        if not platform.same_machine(here, then):
            return False
        try:
            interrupted.drop_torn_files(self.cloud_dir)
            if interrupted.was_cut_short(self.cloud_dir, instance_id):
                LOG.info("The first boot of this instance never came to its end")
                return False
            return damage.settle(self.cloud_dir, instance_id, fingerprint, here)
        except OSError as error:
            LOG.warning("Cannot tell what became of the Ignition config: %s", error)
            return True

    def give_way(self, instance_id: str, fingerprint: str, system_uuid: str) -> bool:
        """Make cloud-init forget an earlier boot of this instance that came to no good end.

        :returns: whether people may have been on this machine since, and know its SSH host keys.
        :raises OSError: a file cannot be moved, written or removed.
        """
        faults.remove_scripts(self.cloud_dir)
        again = damage.take_over(
            self.cloud_dir, self.instance_id, instance_id, system_uuid
        ) or damage.forget(self.cloud_dir, instance_id, fingerprint)
        if again:
            LOG.info("The last boot ended with a fault: this instance is provisioned anew")
        interrupted.drop_torn_files(self.cloud_dir)
        if interrupted.forget(self.cloud_dir, instance_id):
            LOG.info("The first boot of this instance never came to its end: it is done once more")
        interrupted.begin(self.cloud_dir, instance_id, watched=interrupted.is_watched())
        return again


def inherited(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that a datasource takes over from the one of the last boot."""
    return {name: value for name, value in known.items() if name not in PROCESS_ATTRIBUTES}
