"""File systems."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import Filesystem, Storage
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.validation.paths import path_fault

#: How many bytes a label may have: the manual pages of the mkfs programs; mkswap's by trying it.
_LONGEST_LABELS = {"ext4": 16, "btrfs": 256, "xfs": 12, "swap": 15, "vfat": 11}
_NONE_SINCE = 3


def check_filesystem(filesystem: Filesystem, minor: int, path: Path, report: Report) -> None:
    fault = path_fault(filesystem.path) if filesystem.path else ""
    if fault:
        report.error((*path, "path"), fault)
    fault = path_fault(filesystem.device)
    if fault:
        report.error((*path, "device"), fault)
    _check_format(filesystem, minor, path, report)
    _check_label(filesystem, path, report)


def _check_format(filesystem: Filesystem, minor: int, path: Path, report: Report) -> None:
    formats = [*_LONGEST_LABELS, *(["none"] if minor >= _NONE_SINCE else [])]
    if not filesystem.format:
        if (
            filesystem.path
            or filesystem.label
            or filesystem.uuid
            or filesystem.wipe_filesystem
            or filesystem.mount_options
            or filesystem.options
        ):
            report.error(
                (*path, "format"),
                "path, label, uuid, wipeFilesystem, options and mountOptions need a format; "
                f"write one of {', '.join(formats)}",
            )
    elif filesystem.format not in formats:
        report.error(
            (*path, "format"),
            f'the format "{filesystem.format}" is not supported; write one of {", ".join(formats)}',
        )


def _check_label(filesystem: Filesystem, path: Path, report: Report) -> None:
    if not filesystem.label:
        return
    if not filesystem.format:
        report.error((*path, "label"), "a label needs a format; write the format too")
        return
    longest = _LONGEST_LABELS.get(filesystem.format)
    if longest is not None and len(filesystem.label.encode()) > longest:
        report.error(
            (*path, "label"),
            f"the label of {filesystem.format} has at most {longest} bytes; shorten it",
        )


def check_filesystems_on_disks(storage: Storage, report: Report) -> None:
    """Warn of a file system that is made on a whole disk of the same config."""
    disks = {disk.device: disk for disk in storage.disks}
    for index, filesystem in enumerate(storage.filesystems):
        disk = disks.get(filesystem.device)
        if disk is None:
            continue
        path = ("storage", "filesystems", index, "device")
        if disk.partitions:
            report.warning(
                path,
                "this file system overwrites the partition table of the same disk; "
                "write the device of a partition",
            )
        elif disk.wipe_table and not filesystem.wipe_filesystem:
            report.warning(
                path,
                "wipeTable of the same disk wipes this file system too; "
                "set wipeFilesystem to say so, or remove wipeTable",
            )
