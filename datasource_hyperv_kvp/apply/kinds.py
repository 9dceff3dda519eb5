"""Which handler does which kind of step."""

from __future__ import annotations

from typing import Any

from . import (
    accounts,
    hostname,
    kernel_arguments,
    labels,
    nodes,
    plan,
    presets,
    system_steps,
    this_boot,
    units,
    users,
)
from .handler import Handler

HANDLERS: dict[type[plan.Step], Handler[Any]] = {
    plan.Group: accounts.GroupHandler(),
    plan.User: users.UserHandler(),
    plan.Directory: nodes.DirectoryHandler(),
    plan.File: nodes.FileHandler(),
    plan.Link: nodes.LinkHandler(),
    plan.HostName: hostname.HostNameHandler(),
    system_steps.KernelArguments: kernel_arguments.KernelArgumentsHandler(),
    system_steps.Unit: units.UnitHandler(),
    system_steps.Presets: presets.PresetsHandler(),
    system_steps.Labels: labels.LabelsHandler(),
    system_steps.ThisBoot: this_boot.ThisBootHandler(),
}
