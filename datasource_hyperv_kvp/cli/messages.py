"""Errors as the person at the terminal sees them: one line each, on standard error."""

from __future__ import annotations

import sys

from datasource_hyperv_kvp.errors import HyperVKVPError


def report(command: str, error: HyperVKVPError) -> None:
    """Print an error; who may not read a file is told who may."""
    denied = isinstance(error.__cause__, PermissionError) and "root" not in str(error)
    complain(command, f"{error}; run it as root" if denied else str(error))


def complain(command: str, message: str) -> None:
    print(f"hyperv-kvp {command}: {message}", file=sys.stderr)
