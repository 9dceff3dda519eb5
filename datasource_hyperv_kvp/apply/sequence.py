"""Ignition's order, once it is known what the paths resolve to."""

from __future__ import annotations

from collections.abc import Mapping

from .frozen import replace
from .paths import depth
from .plan import Link, Node, Plan, Step


def in_order(plan: Plan, paths: Mapping[str, str]) -> Plan:
    """Nodes sorted by the depth of what their paths resolve to, hard links last in list order.

    Everything else keeps its place; all nodes come where the first of them stands.
    """
    soft: list[Node] = []
    hard: list[Node] = []
    for step in plan.steps:
        if isinstance(step, Node):
            (hard if isinstance(step, Link) and step.hard else soft).append(step)
    soft.sort(key=lambda node: depth(paths[node.path]))
    steps: list[Step] = []
    placed = False
    for step in plan.steps:
        if not isinstance(step, Node):
            steps.append(step)
        elif not placed:
            steps += [*soft, *hard]
            placed = True
    return replace(plan, steps=tuple(steps))
