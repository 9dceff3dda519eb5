"""The list of scenarios: a function each, registered by a decorator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.boot.lab import Lab
from tests.tools.rootfs import RELEASES

ALL = tuple(RELEASES)
BOOKWORM, TRIXIE, FORKY = ALL


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    :param name: what its user calls it: the function's name with hyphens.
    :param summary: the first line of the function's documentation.
    :param releases: where it makes sense.
    :param fast: where it belongs to the few that run before every change.
    :param boots: about how many there are of them on one release.
    """

    name: str
    summary: str
    play: Callable[[Lab], None]
    releases: Sequence[str]
    fast: Sequence[str]
    boots: int


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    releases: Sequence[str] = ALL, *, fast: Sequence[str] = (), boots: int = 1
) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Register a function that plays a scenario and asserts."""

    def register(play: Callable[[Lab], None]) -> Callable[[Lab], None]:
        name = play.__name__.replace("_", "-")
        summary = (play.__doc__ or "").strip().splitlines()[0]
        SCENARIOS[name] = Scenario(name, summary, play, releases, fast, boots)
        return play

    return register
