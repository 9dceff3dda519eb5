"""Permission bits of files and directories."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.versions import SPECIAL_BITS, SPECIAL_BITS_SINCE

_ALL_BITS = 0o7777


def check_mode(mode: int | None, minor: int, path: Path, report: Report) -> None:
    if mode is None:
        return
    if not 0 <= mode <= _ALL_BITS:
        report.error(
            (*path, "mode"),
            f"{mode} is no file mode; write a decimal number from 0 to 4095: 420 is 0644",
        )
    if mode & SPECIAL_BITS and minor < SPECIAL_BITS_SINCE:
        report.warning(
            (*path, "mode"),
            "set-user-ID, set-group-ID and sticky bits have no effect before version 3.6.0; "
            "raise the version or remove the bits",
        )
