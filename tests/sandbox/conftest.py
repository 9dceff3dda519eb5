"""What the scenarios share: a guest of every release, with the package installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.hyperv import HyperVGuest, install
from tests.tools.rootfs import RELEASES

MakeGuest = Callable[..., HyperVGuest]


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the installed package for a release, installed once."""
    made: dict[str, Path] = {}

    def layer(release: str) -> Path:
        if release not in made:
            made[release] = install(release, tmp_path_factory.mktemp(f"layer-{release}"))
        return made[release]

    return layer


@pytest.fixture(params=list(RELEASES))
def release(request: pytest.FixtureRequest) -> str:
    """Every supported release in turn."""
    return str(request.param)


@pytest.fixture
def make_guest(release: str, layers: Callable[[str], Path]) -> Iterator[MakeGuest]:
    """Make guests, and throw them away after the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> HyperVGuest:
            guest = HyperVGuest(release, layer=layers(release), **options)
            stack.enter_context(guest)
            return guest

        yield make


@pytest.fixture
def guest(make_guest: MakeGuest) -> HyperVGuest:
    """A running Hyper-V guest that has not booted before."""
    return make_guest()
