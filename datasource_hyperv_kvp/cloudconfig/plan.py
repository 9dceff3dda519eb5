"""An Ignition config as a plan: the same steps on every machine, in Ignition's order."""

from __future__ import annotations

from collections.abc import Mapping

from ..apply.plan import Plan
from ..ignition.config import Config, Resource
from .accounts import account_refusals, group_steps, user_steps
from .nodes import hostname_steps, node_steps
from .refusals import Refusal, RefusedError
from .units import closing_steps, kernel_argument_steps, unit_refusals, unit_steps
from .unsupported import unsupported


def plan(
    config: Config, *, staged: Mapping[Resource, str] | None = None, core_rights: bool = True
) -> Plan:
    """The plan of a parsed and merged config. Pure; raises RefusedError with every reason.

    :param staged: fetched resources, and the absolute paths of their private files in the guest.
    :param core_rights: a user ``core`` that the image lacks gets a default user's rights.
    """
    refusals: list[Refusal] = [
        *unsupported(config),
        *account_refusals(config),
        *unit_refusals(config),
    ]
    nodes = node_steps(config, staged or {}, refusals)
    if refusals:
        raise RefusedError(refusals)
    steps = (
        *kernel_argument_steps(config),
        *group_steps(config),
        *user_steps(config, core_rights=core_rights),
        *nodes,
        *hostname_steps(nodes),
        *unit_steps(config),
    )
    return Plan((*steps, *closing_steps(steps)))
