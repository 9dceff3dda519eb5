"""Ignition configs become cloud-config: pure functions, same input, same output."""

from __future__ import annotations

from .plan import plan
from .refusals import Refusal, RefusedError
from .render import render
from .switches import configures_network
from .text import to_yaml

__all__ = ["Refusal", "RefusedError", "configures_network", "plan", "render", "to_yaml"]
