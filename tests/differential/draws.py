"""What every part of the generator draws with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any


@dataclass
class Draws:
    """One source of randomness for a whole config.

    :param spec: the specification, as ``3.2.0``.
    :param risky: whether this config may ask for what Ignition refuses.
    """

    random: random.Random
    spec: str
    risky: bool

    @property
    def minor(self) -> int:
        return int(self.spec.split(".")[1])

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def risk(self, probability: float) -> bool:
        return self.risky and self.chance(probability)

    def some(self, items: list[str], most: int) -> list[str]:
        return self.random.sample(items, self.random.randint(0, min(most, len(items))))

    def maybe(self, value: Any, probability: float = 0.3) -> Any:
        return value if self.chance(probability) else None


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """Only the fields that are set."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}
