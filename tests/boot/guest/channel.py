"""The host behind the emulated device: what it asks, and when.

:class:`tests.hyperv.engine.KernelEngine` is the driver; here is the plan of one boot that feeds it.
No clock: whoever drives it says what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.hyperv.engine import ENUMERATE, OK, Exchange, KernelEngine, Request


@dataclass(frozen=True)
class Planned:
    """A request, ``at`` seconds after the first registration of this boot at the earliest."""

    request: Request
    at: float = 0.0


@dataclass
class Channel:
    """One device, one boot."""

    plan: list[Planned] = field(default_factory=list)
    engine: KernelEngine = field(default_factory=KernelEngine)
    answered: list[Exchange] = field(default_factory=list)
    guest_pools: dict[int, dict[str, str]] = field(default_factory=dict)  #: what the guest told
    registered_at: float | None = None

    def advance(self, now: float) -> None:
        """Let the host ask what is due."""
        if self.registered_at is None:
            if not self.engine.registered:
                return
            self.registered_at = now
        due = [planned for planned in self.plan if planned.at + self.registered_at <= now]
        for planned in due:
            self.plan.remove(planned)
            self.engine.ask(planned.request, self._take)

    def next_due(self, now: float) -> float | None:
        """Give the seconds until the host asks again, ``None``: it does not."""
        if self.registered_at is None or not self.plan:
            return None
        return max(0.0, min(planned.at for planned in self.plan) + self.registered_at - now)

    def _take(self, exchange: Exchange) -> None:
        self.answered.append(exchange)
        request = exchange.request
        if request.operation == ENUMERATE and exchange.status == OK:
            # The host goes on asking until there is no more.
            self.guest_pools.setdefault(request.pool, {})[exchange.key] = exchange.value
            self.engine.ask(Request(ENUMERATE, request.pool, index=request.index + 1), self._take)
