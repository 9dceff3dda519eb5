"""What is refused whole: fields that another part of the work stands for."""

from __future__ import annotations

from collections.abc import Iterator

from ..ignition.config import Config
from .refusals import Refusal


def unsupported(config: Config) -> Iterator[Refusal]:
    """References that nobody has followed yet, and disks."""
    for index, _ in enumerate(config.ignition.merge):
        yield _unresolved(f"$.ignition.config.merge.{index}")
    if config.ignition.replace.source is not None:
        yield _unresolved("$.ignition.config.replace")
    storage = config.storage
    for name, entries in (
        ("disks", storage.disks),
        ("raid", storage.raid),
        ("luks", storage.luks),
        ("filesystems", storage.filesystems),
    ):
        for index, _ in enumerate(entries):
            yield Refusal(
                f"$.storage.{name}.{index}",
                f"storage.{name} is not supported yet",
                "remove it, and lay out disks in the image or with cloud-init's disk_setup",
            )


def _unresolved(at: str) -> Refusal:
    return Refusal(
        at,
        "the config that it refers to is not merged in",
        "merge it first (ignition.resolve does, in the guest), or write one whole config",
    )
