"""What cannot be applied on any machine, said all at once."""

from __future__ import annotations

from collections.abc import Sequence

from ..apply.frozen import dataclass
from ..errors import ConfigError


@dataclass(frozen=True)
class Refusal:
    """One entry of a config that cannot be applied: its JSON path, the reason, what to do."""

    path: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}"
        return f"{text}; {self.advice}" if self.advice else text


class RefusedError(ConfigError):
    """A valid config that cannot be applied. ``refusals`` holds every reason."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        if len(self.refusals) == 1:
            only = self.refusals[0]
            super().__init__(only.message, where=only.path, advice=only.advice)
        else:
            lines = "\n".join(f"  {refusal}" for refusal in self.refusals)
            super().__init__(f"{len(self.refusals)} entries cannot be applied:\n{lines}")
