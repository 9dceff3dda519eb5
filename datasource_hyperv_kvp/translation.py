"""An Ignition config's text becomes a cloud-config's text, checked against this machine.

Everything that can be known to be wrong is found here, before anything is handed to cloud-init: the
config is parsed, validated, merged, fetched and compared with the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasource_hyperv_kvp import apply, cloudconfig, ignition
from datasource_hyperv_kvp.apply import mounts, superseded
from datasource_hyperv_kvp.apply.__main__ import JOURNAL, STATE_DIR
from datasource_hyperv_kvp.apply.journal import Journal
from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition import resolve
from datasource_hyperv_kvp.ignition.config import Config
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits

#: The document, as errors name it.
WHERE = "ignition.config"

#: Where fetched contents wait for being moved into place, beside the journal.
STAGED_DIR = "staged"

#: Seconds to wait for the boot to mount what a config writes to, so that it can be compared with
#: the machine while there still is a choice: an impossible one must not cost the default user.
MOUNT_PATIENCE = 10.0


@dataclass(frozen=True)
class Translation:
    """What an Ignition config became.

    :param cloud_config: the text of a cloud-config.
    :param configures_network: the config brings network files of its own, so that cloud-init must
        not make up any.
    """

    cloud_config: str
    configures_network: bool


def translate(
    text: str,
    *,
    offline: bool,
    fetch_timeout: float,
    instance_directory: Path,
    default_user: bool,
    core_rights: bool,
    made_up_network: Sequence[str],
    log: Callable[[str], None],
) -> Translation:
    """Make the cloud-config that applies an Ignition config to this machine.

    :param offline: the network is not up yet.
    :param fetch_timeout: seconds for all fetches together.
    :param instance_directory: cloud-init's, for fetched contents and the journal.
    :param default_user: cloud-init makes its default user as well.
    :param core_rights: an account ``core`` that the image lacks gets the default user's rights.
    :param made_up_network: cloud-init's own network files: they go if the config brings others.
    :param log: told about warnings and progress, without secrets.
    :raises NeedsNetworkError: ``offline``, and the config refers to something to be fetched.
    :raises ConfigError: the config is invalid, cannot be fetched, or is impossible on this machine;
        every finding of the step that failed is in the message.
    """
    state = instance_directory / STATE_DIR
    fetcher = Fetcher(limits=Limits(total=fetch_timeout), offline=offline, log=log)
    config = resolve.resolve(_parsed(text, log), fetcher)
    staged = resolve.stage(config, fetcher, state / STAGED_DIR)
    plan = cloudconfig.plan(config, staged=staged, core_rights=core_rights)
    try:
        _check(plan, Journal(state / JOURNAL), log)
    except apply.ApplyError as error:
        where = f"{WHERE}, {error.at}" if error.at else WHERE
        raise ConfigError(error.message, where=where, advice=error.advice) from error
    rendered = cloudconfig.render(
        config,
        staged=staged,
        program=[sys.executable, "-m", apply.__name__],
        default_user=default_user,
        core_rights=core_rights,
    )
    configures_network = cloudconfig.configures_network(config)
    if configures_network and made_up_network:
        superseded.note(state, made_up_network)
    return Translation(cloudconfig.to_yaml(rendered), configures_network)


def _check(plan: apply.Plan, journal: Journal, log: Callable[[str], None]) -> None:
    """Raises ConfigError, or ApplyError where not even that can be told."""
    if journal.finished == plan.digest():
        return  # applied in an earlier boot, and the machine has lived on since
    unmounted = mounts.awaited(plan, MOUNT_PATIENCE)
    if unmounted:
        # Early in a boot; the program mounts them, and checks everything itself before it begins.
        names = ", ".join(entry.where for entry in unmounted)
        log(f"{WHERE}: compared with the machine when {names} is mounted")
        return
    findings = apply.check(plan, paths=journal.paths, befores=journal.befores)
    if findings:
        raise ConfigError(f"impossible on this machine: {_listed(findings)}", where=WHERE)


def _parsed(text: str, log: Callable[[str], None]) -> Config:
    result = ignition.parse(text)
    for warning in result.warnings:
        log(f"{WHERE}: {warning}")
    if result.config is None:
        raise ConfigError(
            f"the config is invalid: {_listed(result.errors)}",
            where=WHERE,
            advice="`hyperv-kvp validate` checks a config before it is set",
        )
    return result.config


def _listed(findings: Iterable[object]) -> str:
    return "; ".join(str(finding) for finding in findings)
