"""A character device in user space: CUSE, spoken straight to ``/dev/cuse``.

Layouts are those of the kernel's user API (``linux/fuse.h``, protocol 7.x). A :class:`Server` turns
the kernel's requests into calls of a :class:`Channel`; reads that have nothing to give wait.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.boot.guest.channel import Channel

OPEN, READ, WRITE, RELEASE, INTERRUPT, POLL, CUSE_INIT = 14, 15, 16, 18, 36, 40, 4096
NOTIFY_POLL = 1
SCHEDULE_NOTIFY = 1
POLLIN, POLLOUT = 0x1 | 0x40, 0x4 | 0x100
DIRECT_IO_NONSEEKABLE = 0x1 | 0x4
_IN = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_WRITE_IN = 40  # bytes of struct fuse_write_in before the data
_BUFFER = 1 << 17
_MAX_TRANSFER = 1 << 16


@dataclass(frozen=True)
class Waiting:
    """A read that the kernel is told about later: its number, and how much fits."""

    unique: int
    size: int


class Server:
    """Serve one device; ``report`` is told who opens it, who is refused, who closes."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        clock: Callable[[], float],
        report: Callable[..., None],
    ) -> None:
        self.name = name
        self.channel = channel
        self.clock = clock
        self.report = report
        self.fd = os.open("/dev/cuse", os.O_RDWR | os.O_CLOEXEC)
        self._handles = 0
        self._opener: int | None = None
        self._openers: dict[int, str] = {}
        self._reads: dict[int, Waiting] = {}  # by file handle
        self._polls: dict[int, int] = {}  # file handle to the kernel's poll handle

    def serve_one(self) -> None:
        """Take one request of the kernel and answer it, unless it has to wait."""
        data = os.read(self.fd, _BUFFER)
        _, opcode, unique, _, _, _, pid, _ = _IN.unpack_from(data)
        body = data[_IN.size :]
        if opcode == CUSE_INIT:
            self._reply(unique, self._init(body))
        elif opcode == OPEN:
            self._open(unique, pid)
        elif opcode == RELEASE:
            self._release(unique, body)
        elif opcode == WRITE:
            self._write(unique, body)
        elif opcode == READ:
            handle, _, size = struct.unpack_from("<QQI", body)
            self._reads[handle] = Waiting(unique, size)
            self.pump()
        elif opcode == POLL:
            self._poll(unique, body)
        elif opcode == INTERRUPT:
            self._interrupt(struct.unpack_from("<Q", body)[0])
        else:
            self._reply(unique, error=errno.ENOSYS)

    def pump(self) -> None:
        """Give the waiting reader what is there by now; wake it if it polls."""
        handle, engine = self._opener, self.channel.engine
        self.channel.advance(self.clock())
        if handle is None or not engine.readable():
            return
        if handle in self._polls:
            self._wake(self._polls.pop(handle))
        # As the driver: a read waits for a message first, and looks at its buffer's size then.
        if waiting := self._reads.pop(handle, None):
            try:
                self._reply(waiting.unique, engine.read(waiting.size))
            except OSError as error:
                self._reply(waiting.unique, error=error.errno)

    def _init(self, body: bytes) -> bytes:
        major, minor, _, _ = struct.unpack_from("<IIII", body)
        out = struct.pack("<8I40x", major, minor, 0, 0, _MAX_TRANSFER, _MAX_TRANSFER, 0, 0)
        return out + b"DEVNAME=" + self.name.encode() + b"\0"

    def _open(self, unique: int, pid: int) -> None:
        who = _program(pid)
        self._handles += 1
        try:
            self.channel.engine.open()
        except OSError as error:
            self.report("busy", pid=pid, who=who)
            self._reply(unique, error=error.errno or errno.EIO)
            return
        self._opener = self._handles
        self._openers[self._handles] = who
        self.report("open", pid=pid, who=who)
        self._reply(unique, struct.pack("<QII", self._handles, DIRECT_IO_NONSEEKABLE, 0))

    def _release(self, unique: int, body: bytes) -> None:
        (handle,) = struct.unpack_from("<Q", body)
        if handle == self._opener:
            self._opener = None
            self.channel.engine.close()
        self._reads.pop(handle, None)
        self._polls.pop(handle, None)
        self.report("close", who=self._openers.pop(handle, "?"))
        self._reply(unique)

    def _write(self, unique: int, body: bytes) -> None:
        _, _, size = struct.unpack_from("<QQI", body)
        try:
            self.channel.engine.write(body[_WRITE_IN : _WRITE_IN + size])
        except OSError as error:
            self._reply(unique, error=error.errno or errno.EIO)
            return
        self._reply(unique, struct.pack("<II", size, 0))
        self.pump()

    def _poll(self, unique: int, body: bytes) -> None:
        handle, kernel_handle, flags = struct.unpack_from("<QQI", body)
        ready = POLLOUT
        self.channel.advance(self.clock())
        if handle == self._opener and self.channel.engine.readable():
            ready |= POLLIN
        elif flags & SCHEDULE_NOTIFY:
            self._polls[handle] = kernel_handle
        self._reply(unique, struct.pack("<II", ready, 0))

    def _interrupt(self, unique: int) -> None:
        for handle, waiting in list(self._reads.items()):
            if waiting.unique == unique:
                del self._reads[handle]
                self._reply(unique, error=errno.EINTR)

    def _wake(self, kernel_handle: int) -> None:
        body = struct.pack("<Q", kernel_handle)
        os.write(self.fd, _OUT.pack(_OUT.size + len(body), NOTIFY_POLL, 0) + body)

    def _reply(self, unique: int, body: bytes = b"", error: int | None = None) -> None:
        code = -error if error else 0
        try:
            os.write(self.fd, _OUT.pack(_OUT.size + len(body), code, unique) + body)
        except OSError as failure:
            if failure.errno != errno.ENOENT:  # ENOENT: the caller was interrupted meanwhile
                raise


def _program(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - pathlib costs a start
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return "?"
