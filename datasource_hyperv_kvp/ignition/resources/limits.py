"""How long a fetch may take, and how much it may bring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .failure import Cancelled, FetchFailure

Clock = Callable[[], float]


@dataclass(frozen=True)
class Limits:
    """Bounds of our own; times in seconds, sizes in bytes.

    Ignition retries for ever and reads for ever unless the config says otherwise. A machine that
    boots must come up, so where the config sets no ``httpTotal``, ``answer``, ``stall`` and
    ``total`` hold. Connection, TLS, headers, back-off and TFTP have Ignition's own values
    (``internal/resource/http.go``; the defaults of its TFTP library).
    """

    #: From the start until a resource's first byte comes, retries included.
    answer: float = 300.0
    #: The longest silence in the middle of a body.
    stall: float = 60.0
    #: For everything that one fetcher fetches.
    total: float = 3600.0
    connect: float = 30.0
    handshake: float = 10.0
    #: Default of ``httpResponseHeaders``.
    headers: float = 10.0
    first_pause: float = 0.2
    longest_pause: float = 5.0
    #: One TFTP packet is waited for so long, and asked for again so often.
    tftp_packet: float = 5.0
    tftp_retries: int = 5
    #: The largest config or CA bundle that is read into memory.
    document: int = 64 << 20
    #: Disk space that staging leaves free.
    reserve: int = 64 << 20
    #: Fetches that run at the same time.
    parallel: int = 4
    #: Progress is told about so often.
    progress: float = 5.0


class Budget:
    """The time that one resource has left.

    :param total: the config's ``httpTotal`` in seconds; 0 or None if it sets none.
    :param overall: when the fetcher as a whole must be done, by ``clock``; holds without a total.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        total: float | None,
        overall: float,
        cancelled: threading.Event,
        clock: Clock = time.monotonic,
    ) -> None:
        now = clock()
        self.limits = limits
        self.cancelled = cancelled
        self._clock = clock
        self._ends = now + total if total else overall
        self._answer = self._ends if total else min(self._ends, now + limits.answer)
        self._stall = None if total else limits.stall
        self._limit = f"ignition.timeouts.httpTotal is {total:g} s" if total else ""

    def until_answer(self) -> float:
        """Seconds left until the first byte must be there; raises FetchFailure if none."""
        return self._left(self._answer, f"no answer within {self.limits.answer:g} s")

    def until_chunk(self) -> float:
        """Seconds that the next piece of the body may take; raises FetchFailure if none."""
        left = self._left(self._ends, f"not complete within {self.limits.total:g} s")
        return left if self._stall is None else min(left, self._stall)

    def silence(self) -> FetchFailure:
        """The failure of a body that has stopped coming."""
        if self._stall is None or self._clock() >= self._ends:
            return self._late(f"not complete within {self.limits.total:g} s")
        return FetchFailure(f"the transfer stalled for {self._stall:g} s")

    def check_time_for(self, pause: float) -> None:
        """Raise FetchFailure if a pause of so many seconds leaves no time for another attempt."""
        if self.until_answer() <= pause:
            raise self._late(f"no answer within {self.limits.answer:g} s")

    def pause(self, seconds: float) -> None:
        """Sleep before another attempt; raises FetchFailure if there is no time left for it."""
        if self.cancelled.wait(seconds):
            raise Cancelled
        self.until_answer()

    def _left(self, until: float, bound: str) -> float:
        if self.cancelled.is_set():
            raise Cancelled
        left = until - self._clock()
        if left <= 0:
            raise self._late(bound)
        return left

    def _late(self, bound: str) -> FetchFailure:
        return FetchFailure(
            f"out of time ({self._limit or bound})",
            advice="check the server and the way to it, or set ignition.timeouts.httpTotal",
        )
