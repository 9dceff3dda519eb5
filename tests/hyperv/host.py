"""A Hyper-V host that speaks to whoever opens the device: the real daemon or our own reader.

The device is a ``SOCK_SEQPACKET`` socket. Whoever connects gets one packet with an errno as its
answer to "open" (0, or EBUSY while another has it), then messages of 7,432 bytes both ways.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.hyperv.engine import (
    DELETE,
    ENUMERATE,
    GET,
    GET_IP_INFO,
    MESSAGE_SIZE,
    NO_MORE_ITEMS,
    OK,
    REQUEST_TIMEOUT,
    SET,
    Exchange,
    KernelEngine,
    Request,
)

#: Seconds that a test waits for one answer.
ANSWER_TIMEOUT = 10.0


class NoAnswerError(AssertionError):
    """The reader of the device did not answer, or did not register, in time."""


class KvpHost:
    """The emulated host. A context manager; its socket lives as long as it does.

    Keys that are set before anybody has registered are delivered then (``queue``); ``set`` and the
    others wait for the answer, so they need a reader that is there or on its way.
    """

    def __init__(self, socket_path: Path, *, request_timeout: float = REQUEST_TIMEOUT) -> None:
        self.socket_path = socket_path
        self.engine = KernelEngine()
        self._request_timeout = request_timeout
        self._changed = threading.Condition()  # guards the engine too
        self._connection: socket.socket | None = None
        self._handed_out = 0.0
        self._stop = False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(socket_path))
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._serve, name="kvp-host", daemon=True)

    def __enter__(self) -> KvpHost:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up and end; calling it twice does no harm."""
        if self._stop:
            return
        self._stop = True
        self._wake()
        self._thread.join(ANSWER_TIMEOUT)
        self._hang_up()
        self._listener.close()
        self.socket_path.unlink(missing_ok=True)
        os.close(self._wake_read)
        os.close(self._wake_write)

    # -- what a test says ------------------------------------------------------------------------

    def wait_registered(self, times: int = 1, timeout: float = ANSWER_TIMEOUT) -> None:
        """Wait until readers have registered so many times since the start."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.engine.registrations >= times, timeout):
                raise NoAnswerError(f"nobody has registered for {timeout:g} s")

    def queue(self, *requests: Request) -> list[Exchange]:
        """Have requests delivered one after the other, and do not wait."""
        with self._changed:
            exchanges = [self.engine.ask(request, self._ended) for request in requests]
        self._wake()
        return exchanges

    def queue_keys(self, pool: int, keys: Mapping[str, str]) -> list[Exchange]:
        """Have keys set, and do not wait."""
        return self.queue(*(Request(SET, pool, key, value) for key, value in keys.items()))

    def wait(self, *exchanges: Exchange, timeout: float = ANSWER_TIMEOUT) -> None:
        """Wait for answers, ``timeout`` seconds for each."""
        with self._changed:
            for exchange in exchanges:
                if not self._changed.wait_for(exchange.is_over, timeout):
                    raise NoAnswerError(f"no answer in {timeout:g} s to {exchange.request}")

    def ask(self, request: Request, timeout: float = ANSWER_TIMEOUT) -> Exchange:
        """Deliver a request and wait for its answer."""
        (exchange,) = self.queue(request)
        self.wait(exchange, timeout=timeout)
        return exchange

    def set(self, pool: int, key: str, value: str) -> int:
        """Set a key; give the status."""
        return _status(self.ask(Request(SET, pool, key, value)))

    def set_keys(self, pool: int, keys: Mapping[str, str]) -> None:
        """Set keys and wait until every one was taken."""
        exchanges = self.queue_keys(pool, keys)
        self.wait(*exchanges)
        for exchange in exchanges:
            assert exchange.status == OK, exchange

    def delete(self, pool: int, key: str) -> int:
        """Delete a key; give the status."""
        return _status(self.ask(Request(DELETE, pool, key)))

    def get(self, pool: int, key: str) -> Exchange:
        """Ask for one key."""
        return self.ask(Request(GET, pool, key))

    def enumerate(self, pool: int) -> dict[str, str]:
        """Ask for every key of a pool."""
        found: dict[str, str] = {}
        for index in range(10_000):
            answer = self.ask(Request(ENUMERATE, pool, index=index))
            if answer.status == NO_MORE_ITEMS:
                return found
            assert answer.status == OK, answer
            found[answer.key] = answer.value
        raise AssertionError(f"pool {pool} does not end")

    def ask_for_addresses(self) -> int:
        """Ask for the addresses of a network adapter; give the status."""
        return _status(self.ask(Request(GET_IP_INFO)))

    # -- the device ------------------------------------------------------------------------------

    def environment(self, library: Path, socket_path: Path | None = None) -> dict[str, str]:
        """Give the environment in which opening the device opens this host's socket.

        :param library: what ``tools.preload_library`` has built, as the program sees it.
        :param socket_path: the socket as the program sees it, where that differs.
        """
        return {"LD_PRELOAD": str(library), "KVP_SOCKET": str(socket_path or self.socket_path)}

    def connect(self) -> int:
        """Open the device from within this process; give a file descriptor.

        :raises OSError: EBUSY, somebody else has it.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(str(self.socket_path))
            (number,) = struct.unpack("=i", connection.recv(4))
            if number:
                raise OSError(number, os.strerror(number))
            connection.setblocking(False)
            return connection.detach()
        finally:
            connection.close()

    def hang_up(self) -> None:
        """Take the device away from its reader."""
        with self._changed:
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)

    # -- the thread that plays the kernel --------------------------------------------------------

    def _serve(self) -> None:
        while not self._stop:
            with self._changed:
                self._hand_out()
                connection = self._connection
                watched = [self._wake_read, self._listener.fileno()]
                if connection is not None:
                    watched.append(connection.fileno())
            ready, _, _ = select.select(watched, [], [], 0.5)
            with self._changed:
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                if self._listener.fileno() in ready:
                    self._accept()
                if connection is not None and connection.fileno() in ready:
                    self._take(connection)
                self._expire()
                self._changed.notify_all()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        try:
            self.engine.open()
        except OSError as error:
            connection.send(struct.pack("=i", error.errno or errno.EIO))
            connection.close()
            return
        connection.send(struct.pack("=i", 0))
        self._connection = connection

    def _take(self, connection: socket.socket) -> None:
        try:
            message = connection.recv(MESSAGE_SIZE + 1)
        except OSError:
            message = b""
        if not message:
            self._hang_up()
            return
        try:
            self.engine.write(message)
        except OSError:
            # A socket cannot refuse what was written to it; the engine has counted it.
            return

    def _hand_out(self) -> None:
        connection = self._connection
        while connection is not None and self.engine.readable():
            try:
                connection.send(self.engine.read())
            except OSError:
                self._hang_up()
                return
            self._handed_out = time.monotonic()

    def _expire(self) -> None:
        late = time.monotonic() - self._handed_out > self._request_timeout
        if self.engine.waiting is not None and late:
            self.engine.expire()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self.engine.close()

    def _ended(self, exchange: Exchange) -> None:
        self._changed.notify_all()

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")


def _status(exchange: Exchange) -> int:
    assert exchange.status is not None
    return exchange.status
