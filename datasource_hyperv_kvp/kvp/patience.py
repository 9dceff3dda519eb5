"""When has the host said everything? The rules of waiting, without any waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datasource_hyperv_kvp.kvp.pools import AUTO_EXTERNAL, EXTERNAL, Pools

#: A question about the pools: are they complete, is a document begun but not whole?
Question = Callable[[Pools], bool]


def never(pools: Pools) -> bool:
    """Answer a question about pools with no."""
    return False


def host_has_spoken(pools: Pools) -> bool:
    """Tell whether the host has sent anything, if only facts about itself.

    The pools that the guest itself fills, cloud-init's reports for instance, do not count.
    """
    return bool(pools.get(EXTERNAL) or pools.get(AUTO_EXTERNAL))


@dataclass(frozen=True)
class Patience:
    """Decides when reading may end.

    :param is_complete: every document that was announced is there and whole.
    :param is_pending: a document is begun and known not to be whole yet.
    :param settle: seconds of silence after which the host counts as done.
    :param drain: seconds of silence that are enough once everything is complete.
    """

    is_complete: Question
    is_pending: Question
    settle: float
    drain: float

    def enough(self, pools: Pools, quiet: float) -> str:
        """Say why reading may end, ``""`` while it may not.

        :param quiet: seconds since something changed last.
        """
        if not host_has_spoken(pools):
            return ""
        if quiet >= self.drain and self.is_complete(pools):
            return "every document of the manifest is there"
        if quiet >= self.settle and not self.is_pending(pools):
            return f"nothing more came for {self.settle:g} s"
        return ""
