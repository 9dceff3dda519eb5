"""What a config of the right shape may still have wrong: one module a concept.

The rules are those of Ignition's own types (``config/v3_*/types`` of coreos/ignition), and every
path is the one that its validator writes.
"""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import Config
from datasource_hyperv_kvp.ignition.findings import Report
from datasource_hyperv_kvp.ignition.validation.disks import check_disk
from datasource_hyperv_kvp.ignition.validation.duplicates import check_duplicates
from datasource_hyperv_kvp.ignition.validation.filesystems import (
    check_filesystem,
    check_filesystems_on_disks,
)
from datasource_hyperv_kvp.ignition.validation.ignition_section import check_ignition
from datasource_hyperv_kvp.ignition.validation.luks import check_luks
from datasource_hyperv_kvp.ignition.validation.nodes import check_nodes
from datasource_hyperv_kvp.ignition.validation.raid import check_raid
from datasource_hyperv_kvp.ignition.validation.units import check_conflicts, check_systemd


def check_config(config: Config, minor: int, report: Report, *, duplicates: bool = True) -> None:
    """Everything that specification 3.``minor``.0 demands beyond the shape.

    :param duplicates: look for doubled keys in lists too; a merged config cannot have them.
    """
    storage = config.storage
    check_ignition(config.ignition, minor, report)
    check_nodes(storage, minor, report)
    for index, disk in enumerate(storage.disks):
        check_disk(disk, ("storage", "disks", index), report)
    for index, raid in enumerate(storage.raid):
        check_raid(raid, ("storage", "raid", index), report)
    for index, filesystem in enumerate(storage.filesystems):
        check_filesystem(filesystem, minor, ("storage", "filesystems", index), report)
    check_filesystems_on_disks(storage, report)
    for index, luks in enumerate(storage.luks):
        check_luks(luks, minor, ("storage", "luks", index), report)
    check_systemd(config.systemd, report)
    check_conflicts(config, report)
    if duplicates:
        check_duplicates(config, report)
