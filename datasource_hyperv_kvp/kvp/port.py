"""The open device, one message at a time."""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from datasource_hyperv_kvp.kvp.protocol import MESSAGE_SIZE


class Port(Protocol):
    """What a conversation needs of the device; its methods raise ``OSError`` as system calls do."""

    def wait(self, timeout: float) -> bool:
        """Wait until a message can be read, at most ``timeout`` seconds; tell whether one can."""

    def read(self) -> bytes:
        """Read one message; ``b""`` if there will be no more."""

    def write(self, message: bytes) -> int:
        """Write one message; give the number of bytes that were taken."""

    def close(self) -> None:
        """Leave the device to others."""


#: Opens the device at a path; raises ``OSError`` like ``os.open``.
Opener = Callable[[Path], Port]


class FilePort:
    """The real device, open as a file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def wait(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        # Rounded up: a wait of less than a millisecond must not become a busy loop.
        for _, events in poll.poll(int(max(timeout, 0) * 1000) + 1):
            if not events & select.POLLIN:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            return True
        return False

    def read(self) -> bytes:
        # The kernel refuses a buffer that is smaller than a message.
        return os.read(self._fd, MESSAGE_SIZE)

    def write(self, message: bytes) -> int:
        return os.write(self._fd, message)

    def close(self) -> None:
        os.close(self._fd)


def open_port(path: Path) -> Port:
    """Open the device at a path, without ever blocking."""
    return FilePort(os.open(path, os.O_RDWR | os.O_NONBLOCK))
