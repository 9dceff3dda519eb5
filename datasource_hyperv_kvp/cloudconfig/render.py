"""The one call: an Ignition config becomes cloud-config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..ignition.config import Config, Resource
from .plan import plan
from .rescue import RESCUE
from .script import script
from .switches import switches


def render(
    config: Config,
    *,
    staged: Mapping[Resource, str] | None = None,
    program: Sequence[str] | None = None,
    default_user: bool = False,
    core_rights: bool = True,
) -> dict[str, Any]:
    """The cloud-config that makes of a machine what Ignition would have made of it.

    Pure: the same input gives the same output on every workstation; what depends on the machine is
    decided there.

    :param config: parsed, validated, references merged in (``ignition.resolve``).
    :param staged: resources that were fetched in this guest, and their files' absolute paths.
    :param program: the command of the installed program; None embeds the program, and then nothing
        of this project need be installed in the guest.
    :param default_user: leave cloud-init's default user alone; otherwise none is made, as with
        Ignition, unless the config cannot be applied.
    :param core_rights: a user ``core`` that the image lacks gets a default user's rights.
    :raises RefusedError: with the JSON path of everything that cannot be applied, and the reason.
    """
    steps = plan(config, staged=staged, core_rights=core_rights)
    cloud_config: dict[str, Any] = {}
    if steps.steps:
        cloud_config["bootcmd"] = [script(steps.to_text(), program=program)]
    cloud_config.update(switches(config, steps))
    if not default_user:
        cloud_config["users"] = []
        if steps.steps:
            cloud_config["bootcmd"].append(RESCUE)
    return cloud_config
