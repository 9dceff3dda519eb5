"""Findings in an Ignition config, for people and for editors: file, line, column, path, what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasource_hyperv_kvp.ignition import Finding


def lines(file: str, severity: str, findings: Iterable[Finding]) -> list[str]:
    """``FILE:LINE:COLUMN: error: $.path: message``, the form of compilers and linters."""
    return [
        f"{_place(file, finding)}: {severity}: {finding.path}: {finding.message}"
        for finding in findings
    ]


def _place(file: str, finding: Finding) -> str:
    if not finding.line:
        return file
    return f"{file}:{finding.line}:{finding.column}" if finding.column else f"{file}:{finding.line}"
