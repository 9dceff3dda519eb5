"""Short ways to write an Ignition config in a test, and to ask what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

from datasource_hyperv_kvp.ignition import Result, parse
from datasource_hyperv_kvp.ignition.config import Config


def document(members: str) -> str:
    """A config of the newest specification with these members as they are written here."""
    return '{"ignition": {"version": "3.6.0"}, ' + members + "}"


def result(parts: dict[str, Any], minor: int = 6) -> Result:
    """What :func:`parse` says of a config of specification 3.``minor``.0 with these parts."""
    ignition = {"version": f"3.{minor}.0", **parts.get("ignition", {})}
    return parse(json.dumps({**parts, "ignition": ignition}))


def config(parts: dict[str, Any], minor: int = 6) -> Config:
    """The model of a config that must be valid."""
    parsed = result(parts, minor)
    assert parsed.config is not None, parsed.errors
    return parsed.config


def errors(parts: dict[str, Any], minor: int = 6) -> list[str]:
    """The paths of all errors."""
    return [finding.path for finding in result(parts, minor).errors]


def warnings(parts: dict[str, Any], minor: int = 6) -> list[str]:
    """The paths of all warnings of a config without errors."""
    parsed = result(parts, minor)
    assert not parsed.errors, parsed.errors
    return [finding.path for finding in parsed.warnings]


def file(path: str = "/a", **fields: Any) -> dict[str, Any]:
    return {"storage": {"files": [{"path": path, **fields}]}}


def source(url: str) -> dict[str, Any]:
    """A config with one file whose contents come from ``url``."""
    return file(contents={"source": url})


def unit(name: str = "a.service", **fields: Any) -> dict[str, Any]:
    return {"systemd": {"units": [{"name": name, **fields}]}}


def disk(*partitions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"storage": {"disks": [{"device": "/dev/sda", "partitions": partitions, **fields}]}}
