"""What runs in the guest to apply a rendered Ignition config. Standard library only.

``python3 -m datasource_hyperv_kvp.apply PLAN`` applies a plan; see :mod:`.__main__`. The package
imports nothing of the packages around it: ``cloudconfig.render`` can embed its sources in
cloud-config, and then they run where nothing of ours is installed.
"""

from __future__ import annotations

from .check import check
from .errors import ApplyError, Finding, PlanError
from .plan import Plan

__all__ = ["ApplyError", "Finding", "Plan", "PlanError", "check"]
