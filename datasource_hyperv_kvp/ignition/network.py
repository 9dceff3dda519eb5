"""Does a config need the network before it can be applied?"""

from __future__ import annotations

from collections.abc import Iterator

from datasource_hyperv_kvp.ignition.config import Config, Luks, Resource


def needs_network(config: Config) -> bool:
    """True if a source has another scheme than ``data``, or a volume is unlocked over the network.

    The rules are Ignition's own (``internal/exec/stages/fetch_offline``).
    """
    if any(_is_remote(resource) for resource in resources(config)):
        return True
    return any(_luks_needs_network(luks) for luks in config.storage.luks)


def resources(config: Config) -> Iterator[Resource]:
    """Everything that a config has fetched, in the order of the model."""
    yield from config.ignition.merge
    yield config.ignition.replace
    yield from config.ignition.certificate_authorities
    for luks in config.storage.luks:
        yield luks.key_file
    for file in config.storage.files:
        yield file.contents
        yield from file.append


def _is_remote(resource: Resource) -> bool:
    return bool(resource.source and not resource.source.lower().startswith("data:"))


def _luks_needs_network(luks: Luks) -> bool:
    clevis = luks.clevis
    return bool(clevis.custom.needs_network) or any(not tang.advertisement for tang in clevis.tang)
