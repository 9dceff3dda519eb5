"""The check before anything is changed: everything that stands in the way, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import plan as plans
from .errors import ApplyError, Finding
from .journal import State
from .kinds import HANDLERS
from .machine import Machine
from .outlook import Outlook
from .paths import resolve
from .plan import Plan
from .sequence import in_order


def resolve_paths(
    plan: Plan, known: Mapping[str, str] | None = None
) -> tuple[dict[str, str], list[Finding]]:
    """What every node's path resolves to on this machine, and the findings of those that do not.

    :param known: paths that an interrupted run has resolved; they stay as they were.
    """
    paths = dict(known or {})
    findings = []
    for step in plan.steps:
        if isinstance(step, plans.Node) and step.path not in paths:
            try:
                paths[step.path] = resolve(step.path)
            except (ApplyError, OSError) as error:
                paths[step.path] = step.path
                findings.append(Finding(step.at, str(error)))
    return paths, findings


def check(
    plan: Plan,
    *,
    paths: Mapping[str, str] | None = None,
    befores: Mapping[str, State] | None = None,
) -> tuple[Finding, ...]:
    """Compare the plan with the running machine's root; reads only.

    :param paths: paths that an interrupted run has resolved.
    :param befores: what that run found before its steps, by their keys.
    :return: every reason why the plan cannot be applied; empty if it can.
    """
    resolved, findings = resolve_paths(plan, paths)
    # Checking needs no state directory: it writes nothing.
    outlook = Outlook(Machine(Path("/nonexistent")), resolved, befores or {})
    outlook.steps = in_order(plan, resolved).steps
    for step in outlook.steps:
        try:
            findings += HANDLERS[type(step)].check(step, outlook)
        except ApplyError as error:
            findings.append(Finding(error.at or step.at, error.message, error.advice))
        except OSError as error:  # a name that is too long, a file system that does not answer
            findings.append(Finding(step.at, str(error)))
    findings += outlook.space_findings()
    return tuple(findings)
