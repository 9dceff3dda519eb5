"""Disks and their partitions."""

from __future__ import annotations

import re

from datasource_hyperv_kvp.ignition.config import Disk, Partition
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.validation.paths import path_fault

#: A GPT entry has 36 UTF-16 code units; Ignition counts bytes of UTF-8.
_LONGEST_LABEL = 36
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def check_disk(disk: Disk, path: Path, report: Report) -> None:
    for index, partition in enumerate(disk.partitions):
        _check_partition(partition, (*path, "partitions", index), report)
    if not disk.device:
        report.error((*path, "device"), "a disk's device is missing; write its path")
        return
    fault = path_fault(disk.device)
    if fault:
        report.error((*path, "device"), fault)
    index = _colliding_number(disk)
    if index:
        report.error(
            (*path, "partitions", index),
            f"the number {disk.partitions[index].number} is used twice on this disk; change it",
        )
    overlapping = _overlapping(disk)
    if overlapping is not None:
        report.error(
            (*path, "partitions", overlapping),
            "this partition overlaps another one of this disk; change startMiB or sizeMiB",
        )
    index = _colliding_label(disk)
    if index:
        report.error(
            (*path, "partitions", index),
            f'the label "{disk.partitions[index].label}" is used twice on this disk; change it',
        )


def _check_partition(partition: Partition, path: Path, report: Report) -> None:
    if partition.should_exist is False and (
        partition.label is not None
        or partition.type_guid
        or partition.guid
        or partition.start_mib is not None
        or partition.size_mib is not None
    ):
        report.error(
            path,
            "a partition that should not exist is given by its number alone; "
            "remove label, guid, typeGuid, startMiB and sizeMiB",
        )
    if partition.number == 0 and partition.label is None:
        report.error(path, "a partition needs a number from 1 on, or a label; write one")
    if partition.label is not None:
        if len(partition.label.encode()) > _LONGEST_LABEL:
            report.error((*path, "label"), "the label is longer than 36 bytes; shorten it")
        elif ":" in partition.label:
            report.error((*path, "label"), "a label cannot contain a colon; remove it")
    for key, guid in (("guid", partition.guid), ("typeGuid", partition.type_guid)):
        if guid and not _GUID.fullmatch(guid):
            report.error(
                (*path, key),
                f'"{guid}" is no GUID; write it as 01234567-89AB-CDEF-EDCB-A98765432101',
            )


def _colliding_number(disk: Disk) -> int:
    """The index of the first partition whose number an earlier one has; 0 if there is none."""
    seen: set[int] = set()
    for index, partition in enumerate(disk.partitions):
        if partition.number in seen:
            return index
        if partition.number != 0:
            seen.add(partition.number)
    return 0


def _colliding_label(disk: Disk) -> int:
    """The index of the first partition whose label an earlier one has; 0 if there is none."""
    seen: set[str] = set()
    for index, partition in enumerate(disk.partitions):
        if partition.label is not None:
            if partition.label in seen:
                return index
            seen.add(partition.label)
    return 0


def _overlapping(disk: Disk) -> int | None:
    """The index of a partition that overlaps one looked at before; None if there is none.

    Only partitions with a start and a size take part; size 0 fills what is free, so only its
    start counts.
    """
    spans = [
        (index, partition.start_mib, _last(partition.start_mib, partition.size_mib))
        for index, partition in enumerate(disk.partitions)
        if partition.start_mib and partition.size_mib is not None
    ]
    for one, start, end in spans:
        for other, first, last in spans:
            if one == other:
                continue
            if first <= start <= last or first <= end <= last or (start < first and end > last):
                return other
    return None


def _last(start: int, size: int) -> int:
    """The last MiB, in the 64 bits that Ignition calculates with."""
    if size == 0:
        return start
    return (start + size - 1 + (1 << 63)) % (1 << 64) - (1 << 63)
