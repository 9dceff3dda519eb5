"""Errors of the program. It imports nothing of the package around it, so they are its own."""

from __future__ import annotations

from .frozen import dataclass


class ApplyError(Exception):
    """Something cannot be done on this machine.

    :param message: what is wrong; never holds a secret, it goes to the log.
    :param at: JSON path of the config's entry.
    :param advice: what the reader can do about it.
    """

    def __init__(self, message: str, *, at: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.advice = advice

    def __str__(self) -> str:
        return _told(self.at, self.message, self.advice)


class PlanError(ApplyError):
    """The plan itself is damaged or of another version."""


@dataclass(frozen=True)
class Finding:
    """What stands in the way of a step, seen before anything was changed."""

    at: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return _told(self.at, self.message, self.advice)


def _told(at: str, message: str, advice: str) -> str:
    text = f"{at}: {message}" if at else message
    return f"{text}; {advice}" if advice else text
