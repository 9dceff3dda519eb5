"""What must work in a real boot, one module a subject."""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Import all scenarios, so that they are registered."""
    for module in sorted(each.name for each in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
