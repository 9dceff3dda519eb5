"""What the kernel does on ``/dev/vmbus/hv_kvp``: messages in, messages out, no I/O.

Imports nothing but the standard library, so that the file can be copied alone into a guest whose
device it plays. The layout is written down here a second time, on purpose: the product is checked
against it. Source: the kernel's user API, ``linux/hyperv.h``.

How the kernel behaves, and so this does: one opener at a time; nothing before the registration,
which it answers; then one request at a time; an answer that nobody waits for is refused with
EINVAL, and so is a message that is too short; a request that stays unanswered fails by itself
(:meth:`KernelEngine.expire`, the kernel waits 30 s), and so does one whose reader closes the
device. What was delivered once is not delivered again.
"""

from __future__ import annotations

import errno
import os
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MESSAGE_SIZE = 7432
GET, SET, DELETE, ENUMERATE, GET_IP_INFO, SET_IP_INFO = range(6)
REGISTER1 = 100
OK, FAIL, NO_MORE_ITEMS, NOT_SUPPORTED = 0, 0x80004005, 0x80070103, 0x80070032
REQUEST_TIMEOUT = 30.0  # seconds, the kernel's HV_UTIL_TIMEOUT

_KEY, _VALUE = 512, 2048
_HEADER = struct.Struct("<BBH")
_DATA = struct.Struct(f"<III{_KEY}s{_VALUE}s")
_KERNEL_VERSION = b"3.1\0"


@dataclass(frozen=True)
class Request:
    """A request of the host; which fields count depends on the operation."""

    operation: int
    pool: int = 0
    key: str = ""
    value: str = ""
    index: int = 0


@dataclass
class Exchange:
    """A request and, once ``status`` is no longer None, its answer."""

    request: Request
    status: int | None = None
    key: str = ""
    value: str = ""
    on_end: Callable[[Exchange], None] | None = None

    def is_over(self) -> bool:
        return self.status is not None

    def end(self, status: int, key: str = "", value: str = "") -> None:
        self.status, self.key, self.value = status, key, value
        if self.on_end is not None:
            self.on_end(self)


class KernelEngine:
    """The state of the driver between the host and the one reader of the device."""

    def __init__(self) -> None:
        self.is_open = False
        self.registered = False
        self.registrations = 0  #: how often a reader has registered since the boot
        self.waiting: Exchange | None = None  #: the request that the reader owes an answer to
        self.refused = 0  #: how many messages of the reader were refused
        self._queue: deque[Exchange] = deque()
        self._greet = False

    # -- the host's side -----------------------------------------------------------------------

    def ask(self, request: Request, on_end: Callable[[Exchange], None] | None = None) -> Exchange:
        """Queue a request; it is handed out when a reader has registered and answered the last."""
        exchange = Exchange(request, on_end=on_end)
        self._queue.append(exchange)
        return exchange

    @property
    def pending(self) -> int:
        """Count the requests that have no answer yet."""
        return len(self._queue) + (self.waiting is not None)

    # -- the reader's side: what open, close, read, write and poll do -----------------------------

    def open(self) -> None:
        """Let a reader open the device.

        :raises OSError: EBUSY, another one has it.
        """
        if self.is_open:
            raise _error(errno.EBUSY)
        self.is_open = True

    def close(self) -> None:
        """Let the reader close the device; what it has not answered fails."""
        self.is_open = self.registered = self._greet = False
        self._fail_waiting()

    def readable(self) -> bool:
        """Tell whether a read would give a message."""
        return self._greet or (self.registered and self.waiting is None and bool(self._queue))

    def read(self, size: int = MESSAGE_SIZE) -> bytes:
        """Give the reader its next message.

        :raises OSError: EAGAIN, there is none; EINVAL, the buffer is too small for one.
        """
        if not self.readable():
            raise _error(errno.EAGAIN)
        if size < MESSAGE_SIZE:
            raise _error(errno.EINVAL)
        if self._greet:
            self._greet = False
            return _message(REGISTER1, 0, _KERNEL_VERSION)
        self.waiting = self._queue.popleft()
        return build(self.waiting.request)

    def write(self, message: bytes) -> int:
        """Take a message of the reader: its registration, then its answers.

        :raises OSError: EINVAL, the message is too short or nobody waits for it.
        """
        if len(message) < MESSAGE_SIZE:
            self.refused += 1
            raise _error(errno.EINVAL)
        if not self.registered:
            if message[0] != REGISTER1:
                self.refused += 1
                raise _error(errno.EINVAL)
            self.registered = self._greet = True
            self.registrations += 1
            return len(message)
        if self.waiting is None:
            self.refused += 1
            raise _error(errno.EINVAL)
        exchange, self.waiting = self.waiting, None
        exchange.end(*_parse_answer(exchange.request.operation, message))
        return len(message)

    def expire(self) -> None:
        """Give up the request that was not answered in :data:`REQUEST_TIMEOUT`."""
        self._fail_waiting()

    def _fail_waiting(self) -> None:
        exchange, self.waiting = self.waiting, None
        if exchange is not None:
            exchange.end(FAIL)


def build(request: Request) -> bytes:
    """Build the message that carries a request."""
    key = request.key.encode("utf-8", "surrogateescape")[: _KEY - 1]
    value = request.value.encode("utf-8", "surrogateescape")[: _VALUE - 1]
    if request.operation in (SET, GET):
        size = len(value) + 1 if request.operation == SET else 0
        body = _DATA.pack(1, len(key) + 1, size, key, value)
    elif request.operation == DELETE:
        body = struct.pack(f"<I{_KEY}s", len(key) + 1, key)
    elif request.operation == ENUMERATE:
        body = struct.pack("<I", request.index)
    else:
        body = b""
    return _message(request.operation, request.pool, body)


def _message(operation: int, pool: int, body: bytes) -> bytes:
    return (_HEADER.pack(operation, pool, 0) + body).ljust(MESSAGE_SIZE, b"\0")


def _parse_answer(operation: int, message: bytes) -> tuple[int, str, str]:
    (status,) = struct.unpack_from("<I", message)
    if status != OK or operation not in (GET, ENUMERATE):
        return status, "", ""
    offset = _HEADER.size + (4 if operation == ENUMERATE else 0)
    _, _, _, key, value = _DATA.unpack_from(message, offset)
    # As the kernel does it: the texts end where strlen says.
    return status, _text(key), _text(value)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
