"""Simulated time, and a device port that runs in it: waiting is free and always the same."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping

from tests.hyperv.engine import MESSAGE_SIZE, SET, KernelEngine, Request


class Time:
    """A clock that moves only when somebody sleeps; what is planned happens on the way."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._plans: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.advance(self.now + seconds)

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan an action for so many seconds from now."""
        heapq.heappush(self._plans, (self.now + seconds, next(self._count), action))

    def next_plan(self) -> float:
        """Give the time of the next plan, infinity if there is none."""
        return self._plans[0][0] if self._plans else float("inf")

    def advance(self, until: float) -> None:
        """Move on, doing what is planned."""
        while self.next_plan() <= until:
            self.now, _, action = heapq.heappop(self._plans)
            action()
        self.now = max(self.now, until)


class EnginePort:
    """What our device reader takes for the open device: the engine, in simulated time."""

    def __init__(self, engine: KernelEngine, time: Time) -> None:
        self.engine = engine
        self.time = time
        engine.open()

    def wait(self, timeout: float) -> bool:
        end = self.time.now + max(timeout, 0) + 0.001  # as poll, rounded up
        while not self.engine.readable():
            if self.time.now >= end:
                return False
            self.time.advance(min(self.time.next_plan(), end))
        return True

    def read(self) -> bytes:
        return self.engine.read(MESSAGE_SIZE)

    def write(self, message: bytes) -> int:
        return self.engine.write(message)

    def close(self) -> None:
        self.engine.close()


def queue_keys(engine: KernelEngine, pool: int, keys: Mapping[str, str]) -> None:
    """Have the host set keys."""
    for key, value in keys.items():
        engine.ask(Request(SET, pool, key, value))
