"""Run a blocking iterator in a thread of its own, so that waiting for it has a true bound.

A socket's timeout starts anew with every byte, and looking up a host name has none at all; a
server that sends a byte a second would hold the boot for ever.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from .failure import Cancelled

T = TypeVar("T")

#: How often the two sides look whether the other one has given up, in seconds.
_GLANCE = 0.25


class Silence(Exception):
    """Nothing came in the time that was given."""


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Pump(Generic[T]):
    """``produce()`` is iterated in a daemon thread; :meth:`take` hands out its items in order."""

    def __init__(self, produce: Callable[[], Iterator[T]], cancelled: threading.Event) -> None:
        self._produce = produce
        self._cancelled = cancelled
        self._given_up = threading.Event()
        # Few places: a fast server must not fill the memory while the disk is slow.
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=4)
        threading.Thread(target=self._run, name="fetch", daemon=True).start()

    def take(self, timeout: float) -> T | None:
        """The next item, or None after the last one.

        Raises Silence after ``timeout`` seconds, Cancelled, and whatever the iterator raised.
        """
        ends = time.monotonic() + timeout
        while True:
            left = ends - time.monotonic()
            try:
                item = self._queue.get(timeout=max(0.0, min(left, _GLANCE)))
            except queue.Empty:
                if self._cancelled.is_set():
                    raise Cancelled from None
                if left <= 0:
                    raise Silence from None
                continue
            if not isinstance(item, _End):
                return item
            if item.error is not None:
                raise item.error
            return None

    def close(self) -> None:
        """Let the thread end as soon as it wakes."""
        self._given_up.set()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            items = self._produce()
            try:
                for item in items:
                    if not self._put(item):
                        break
            finally:
                # A generator holds a connection: close it here, not whenever it is collected.
                close = getattr(items, "close", None)
                if close is not None:
                    close()
        except BaseException as raised:  # noqa: BLE001 - take() raises it again in its caller
            error = raised
        self._put(_End(error))

    def _put(self, item: T | _End) -> bool:
        while not self._given_up.is_set() and not self._cancelled.is_set():
            try:
                self._queue.put(item, timeout=_GLANCE)
            except queue.Full:
                continue
            return True
        return False
