"""The device: what a KVP daemon does, for as long as the host needs to say what it has to say.

The kernel lets one process at a time open ``/dev/vmbus/hv_kvp``, hands it one request of the host
after the other, and waits for each answer: a request that stays unanswered holds up the whole
channel for 30 seconds. So everything is answered, also what makes no sense.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path

from datasource_hyperv_kvp.errors import DeviceError
from datasource_hyperv_kvp.kvp.patience import Patience
from datasource_hyperv_kvp.kvp.pools import POOL_NUMBERS, Pool, Pools, Record
from datasource_hyperv_kvp.kvp.port import Opener, open_port
from datasource_hyperv_kvp.kvp.protocol import (
    MESSAGE_SIZE,
    Operation,
    Request,
    Status,
    parse_request,
    register,
    reply,
)

_AGAIN = 0.01  # seconds of rest when the device says "again" though it had called
_WRITE_TIMEOUT = 2.0  # seconds for the kernel to take one message
_MAX_SHORT = 16  # messages of a wrong length, then the device is given up


class DeviceBusyError(DeviceError):
    """Somebody else has the device open, and the kernel allows one."""


class Session:
    """One conversation with the host: registered, every request answered, the pools collected.

    A context manager; the device is held until it is left. :attr:`pools` is what the host has sent
    so far, also after an error.

    :param pools: what is known already and the host will not send again in this boot.
    :raises DeviceBusyError: somebody else has the device.
    :raises DeviceError: the device cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        opener: Opener = open_port,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        pools: Pools | None = None,
    ) -> None:
        self.pools: dict[int, dict[str, str]] = {
            number: dict((pools or {}).get(number, {})) for number in POOL_NUMBERS
        }
        self.notes: list[str] = []  #: what was odd, for the log
        self.changes = 0  #: how many requests have set or deleted a key
        self._path = path
        self._clock = clock
        self._sleep = sleep
        self._short = 0
        self._changed = clock()
        try:
            self._port = opener(path)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise DeviceBusyError(
                    "somebody else has the device open",
                    where=str(path),
                    advice="fuser names it; a KVP daemon writes pool files, which are read instead",
                ) from error
            raise self._lost("cannot be opened", error) from error

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._port.close()

    def drain(self, patience: Patience, deadline: float) -> str:
        """Register and answer the host until it has said everything; give the reason for the end.

        :param deadline: when to end in any case, a time of ``clock``.
        :raises DeviceError: the device has vanished, or does not keep to its protocol.
        """
        self._register()
        self._changed = self._clock()
        while True:
            now = self._clock()
            if why := patience.enough(self.pools, now - self._changed):
                return why
            if now >= deadline:
                return "the time is up"
            waits = [t for t in (patience.drain, patience.settle) if t > now - self._changed]
            until = min([self._changed + wait for wait in waits] + [deadline])
            if self._wait(until - now):
                self._receive()

    def _register(self) -> None:
        if not self._send(register()):
            raise DeviceError(
                "the kernel refused the registration",
                where=str(self._path),
                advice="this kernel speaks another protocol; install a KVP daemon that knows it",
            )

    def _wait(self, timeout: float) -> bool:
        try:
            return self._port.wait(timeout)
        except InterruptedError:
            return False
        except OSError as error:
            raise self._lost("is gone", error) from error

    def _receive(self) -> None:
        try:
            message = self._port.read()
        except (BlockingIOError, InterruptedError):
            self._sleep(_AGAIN)
            return
        except OSError as error:
            raise self._lost("cannot be read", error) from error
        if not message:
            raise DeviceError("the device has ended", where=str(self._path))
        try:
            request = parse_request(message)
        except ValueError as error:
            self._refuse_short(message, error)
            return
        if request.operation == Operation.REGISTER1:
            return  # the kernel's half of the handshake; there is nothing to answer
        status, record = self._answer(request)
        self._reply(message, status, record)

    def _refuse_short(self, message: bytes, error: ValueError) -> None:
        self._short += 1
        self._note(f"{self._path}: {error}; refused")
        if self._short >= _MAX_SHORT:
            raise DeviceError(
                f"expected messages of {MESSAGE_SIZE} bytes, found {self._short} others, the last"
                f" of {len(message)} bytes",
                where=str(self._path),
                advice="this kernel speaks another protocol; install a KVP daemon that knows it",
            )
        self._reply(message, Status.FAIL)

    def _answer(self, request: Request) -> tuple[Status, Record | None]:
        if request.operation not in (
            Operation.SET,
            Operation.DELETE,
            Operation.GET,
            Operation.ENUMERATE,
        ):
            return Status.NOT_SUPPORTED, None
        pool = self.pools.get(request.pool)
        if pool is None:
            self._note(f"the host named pool {request.pool}, which does not exist; refused")
            return Status.FAIL, None
        if request.operation == Operation.SET:
            return self._set(pool, request), None
        if request.operation == Operation.DELETE:
            return self._delete(pool, request), None
        return _look_up(pool, request)

    def _set(self, pool: dict[str, str], request: Request) -> Status:
        if not request.key:
            self._note("the host set a value without a key; refused")
            return Status.FAIL
        pool[request.key] = request.value
        self._note_change()
        return Status.OK

    def _delete(self, pool: dict[str, str], request: Request) -> Status:
        if pool.pop(request.key, None) is None:
            return Status.NO_MORE_ITEMS  # as the daemon answers
        self._note_change()
        return Status.OK

    def _note_change(self) -> None:
        self.changes += 1
        self._changed = self._clock()

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _reply(self, message: bytes, status: Status, record: Record | None = None) -> None:
        if not self._send(reply(message, status, record)):
            # The kernel has answered the host itself after 30 s, and goes on.
            self._note(f"{self._path}: an answer was refused, it came too late")

    def _send(self, message: bytes) -> bool:
        """Write one message; tell whether the kernel had a use for it."""
        deadline = self._clock() + _WRITE_TIMEOUT
        while True:
            try:
                written = self._port.write(message)
            except (BlockingIOError, InterruptedError):
                self._sleep(_AGAIN)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    return False
                raise self._lost("cannot be written", error) from error
            else:
                if written == len(message):
                    return True
                raise DeviceError(
                    f"the device took {written} of a message's {len(message)} bytes",
                    where=str(self._path),
                )
            if self._clock() >= deadline:
                raise DeviceError(
                    f"the device has taken no message for {_WRITE_TIMEOUT:g} s",
                    where=str(self._path),
                )

    def _lost(self, what: str, error: OSError) -> DeviceError:
        return DeviceError(f"the device {what}: {error.strerror or error}", where=str(self._path))


def _look_up(pool: Pool, request: Request) -> tuple[Status, Record | None]:
    if request.operation == Operation.GET:
        value = pool.get(request.key)
        if value is None:
            return Status.NO_MORE_ITEMS, None
        return Status.OK, Record(request.key, value)
    records = list(pool.items())
    if request.index >= len(records):
        return Status.NO_MORE_ITEMS, None
    return Status.OK, Record(*records[request.index])
