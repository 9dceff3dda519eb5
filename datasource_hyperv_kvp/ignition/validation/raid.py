"""Software RAID arrays."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import Raid
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.validation.paths import path_fault

_WITHOUT_SPARES = ("linear", "raid0", "0", "stripe")
_WITH_SPARES = (
    *("raid1", "1", "mirror", "raid4", "4", "raid5", "5"),
    *("raid6", "6", "raid10", "10"),
)


def check_raid(raid: Raid, path: Path, report: Report) -> None:
    if not raid.level:
        report.error((*path, "level"), 'a RAID level is required; write one such as "raid1"')
    elif raid.level in _WITHOUT_SPARES:
        if raid.spares:
            report.error((*path, "level"), f"{raid.level} has no spares; remove them")
    elif raid.level not in _WITH_SPARES:
        report.error(
            (*path, "level"),
            f'the RAID level "{raid.level}" is not known; '
            "write linear, raid0, raid1, raid4, raid5, raid6 or raid10",
        )
    if not raid.devices:
        report.error((*path, "devices"), "an array needs devices; write their paths")
    for index, device in enumerate(raid.devices):
        fault = path_fault(device)
        if fault:
            report.error((*path, "devices", index), fault)
