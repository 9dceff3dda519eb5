"""Ignition configs: parse, validate, merge and fetch. Knows nothing of KVP."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.findings import Finding, Result
from datasource_hyperv_kvp.ignition.merging import merge, validate_merged
from datasource_hyperv_kvp.ignition.network import needs_network
from datasource_hyperv_kvp.ignition.parsing import parse

__all__ = ["Finding", "Result", "merge", "needs_network", "parse", "validate_merged"]
