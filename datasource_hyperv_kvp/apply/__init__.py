"""What runs in the guest to apply a rendered Ignition config. Standard library only.

``python3 -m datasource_hyperv_kvp.apply PLAN`` applies a plan; see :mod:`.__main__`. The package
imports nothing of the packages around it: ``cloudconfig.render`` can embed its sources in
cloud-config, and then they run where nothing of ours is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .errors import ApplyError, Finding, PlanError
from .plan import Plan

if TYPE_CHECKING:
    from .journal import State


def check(
    plan: Plan,
    *,
    paths: Mapping[str, str] | None = None,
    befores: Mapping[str, State] | None = None,
) -> tuple[Finding, ...]:
    """As :func:`.checking.check`. Making a plan imports nothing of what carries it out."""
    from . import checking

    return checking.check(plan, paths=paths, befores=befores)


__all__ = ["ApplyError", "Finding", "Plan", "PlanError", "check"]
