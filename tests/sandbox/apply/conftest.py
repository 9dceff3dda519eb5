"""Every test here has a guest of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.apply.guest import ApplyGuest


@pytest.fixture
def guest() -> Iterator[ApplyGuest]:
    with ApplyGuest() as guest:
        yield guest
