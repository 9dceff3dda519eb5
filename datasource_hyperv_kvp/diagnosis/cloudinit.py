"""What cloud-init and ds-identify say of this boot, from the files that they leave."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: This package's datasource, as ``datasource_list`` and cloud-init's files name it.
NAME = "HyperVKVP"

_RUN = Path("run/cloud-init")
_LOG = Path("var/log/cloud-init.log")

# The log is appended to by every boot; this is where one begins.
_BOOT_BEGINS = re.compile(r"Cloud-init v\. \S+ running 'init-local'")
_FAULT = re.compile(r"DataSourceHyperVKVP\.py\[ERROR\]: (.*)\. This instance comes up without it\.")
_CACHED = re.compile(r"restored from checked cache: .*HyperVKVP")


@dataclass(frozen=True)
class CloudInit:
    """What is known of cloud-init's work in this boot.

    :param enabled: ds-identify's verdict, or an administrator's; None if nothing is known.
    :param why: the line in which ds-identify says it, or what switches cloud-init off.
    :param identified: the list that ds-identify has cut the configured one down to.
    :param configured: the ``datasource_list`` of the configuration.
    :param options: what stands under ``datasource: HyperVKVP:``.
    :param stage: which stage runs just now; ``""`` for none.
    :param finished: whether the last stage has ended.
    :param datasource: the one in use, in cloud-init's words.
    :param from_cache: our datasource was asked in an earlier boot, and not in this one.
    :param errors: errors and warnings that make the status unclean.
    :param faults: what this package's datasource came up without, each a whole story.
    """

    installed: bool = False
    enabled: bool | None = None
    why: str = ""
    identified: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    stage: str = ""
    finished: bool = False
    datasource: str = ""
    from_cache: bool = False
    instance_id: str = ""
    errors: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def used_ours(self) -> bool:
        """Whether the datasource of this boot is this package's."""
        return NAME in self.datasource

    @property
    def lists_ours(self) -> bool:
        """Whether the configuration has cloud-init ask this package's datasource."""
        return NAME in self.configured


def read_cloud_init(root: Path = Path("/")) -> CloudInit:
    """Read cloud-init's files; what is missing or not for this user to read is not known."""
    enabled, why = _verdict(root)
    configuration = _configuration(root)
    status = _json(root / _RUN / "status.json")
    result = _json(root / _RUN / "result.json")
    this_boot = _log_of_this_boot(root / _LOG)
    return CloudInit(
        installed=(root / "usr/bin/cloud-init").exists(),
        enabled=enabled,
        why=why,
        identified=_list(_yaml(root / _RUN / "cloud.cfg").get("datasource_list")),
        configured=_list(configuration.get("datasource_list")),
        options=_mapping(_mapping(configuration.get("datasource")).get(NAME)),
        stage=str(status.get("stage") or ""),
        finished=bool(result),
        datasource=str(result.get("datasource") or status.get("datasource") or ""),
        from_cache=bool(_CACHED.search(this_boot)),
        instance_id=_text(root / "var/lib/cloud/data/instance-id").strip(),
        errors=_complaints(status, result),
        faults=tuple(dict.fromkeys(_FAULT.findall(this_boot))),
    )


def _verdict(root: Path) -> tuple[bool | None, str]:
    off = root / "etc/cloud/cloud-init.disabled"
    if off.exists():
        return False, f"/{off.relative_to(root)} is there"
    if "cloud-init=disabled" in _text(root / "proc/cmdline").split():
        return False, "the kernel command line says cloud-init=disabled"
    lines = _text(root / _RUN / "ds-identify.log").splitlines()
    said = [line for line in lines if re.search(r"\b(Enabled|Disabled|Found)\b", line)]
    line = said[-1].strip() if said else ""
    if (root / _RUN / "disabled").exists():
        return False, line
    return (True if (root / _RUN / "enabled").exists() else None), line


def _configuration(root: Path) -> dict[str, Any]:
    """Merge the top levels of cloud-init's configuration, later files first, as far as we ask."""
    directory = root / "etc/cloud/cloud.cfg.d"
    merged: dict[str, Any] = {}
    for path in (root / "etc/cloud/cloud.cfg", *sorted(directory.glob("*.cfg"))):
        found = _yaml(path)
        if "datasource" in found:
            merged["datasource"] = {
                **_mapping(merged.get("datasource")),
                **_mapping(found["datasource"]),
            }
        if "datasource_list" in found:
            merged["datasource_list"] = found["datasource_list"]
    return merged


def _complaints(status: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = [str(error) for error in result.get("errors") or ()]
    for stage in status.values():
        if isinstance(stage, Mapping):
            found += [str(error) for error in stage.get("errors") or ()]
            for messages in _mapping(stage.get("recoverable_errors")).values():
                found += [str(message) for message in messages or ()]
    return tuple(dict.fromkeys(found))


def _log_of_this_boot(path: Path) -> str:
    text = _text(path)
    begins = [match.start() for match in _BOOT_BEGINS.finditer(text)]
    return text[begins[-1] :] if begins else text


def _json(path: Path) -> dict[str, Any]:
    """Give the ``v1`` object of one of cloud-init's JSON files."""
    try:
        return _mapping(_mapping(json.loads(_text(path))).get("v1"))
    except ValueError:
        return {}


def _yaml(path: Path) -> dict[str, Any]:
    text = _text(path)
    if not text:
        return {}
    import yaml

    try:
        return _mapping(yaml.safe_load(text))
    except yaml.YAMLError:
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _list(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
