"""What became of an Ignition config: the result that :mod:`datasource_hyperv_kvp.apply` leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datasource_hyperv_kvp.apply.errors import Finding
from datasource_hyperv_kvp.damage import KEPT, RESULT

_INSTANCES = Path("var/lib/cloud/instances")


@dataclass(frozen=True)
class Applied:
    """The end of the last run that had anything to do.

    :param status: ``applied``; ``refused`` before anything was changed; ``failed`` half-way; empty
        if no config was applied here, or that is not for this user to read.
    :param findings: why not, each with its place in the config and what to do.
    :param warnings: what was left undone that stops nothing.
    """

    status: str = ""
    findings: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_applied(instance_id: str, root: Path = Path("/")) -> Applied:
    """Read the result of this instance; what is missing or torn is not known."""
    path = root / _INSTANCES / instance_id / KEPT / RESULT
    try:
        document = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return Applied()
    if not isinstance(document, Mapping):
        return Applied()
    return Applied(
        status=str(document.get("status") or ""),
        findings=tuple(map(_finding, _list(document.get("findings")))),
        warnings=tuple(map(str, _list(document.get("warnings")))),
    )


def _finding(finding: object) -> str:
    if not isinstance(finding, Mapping):
        return str(finding)
    at, message, advice = (str(finding.get(name) or "") for name in ("at", "message", "advice"))
    return str(Finding(at, message, advice))


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
