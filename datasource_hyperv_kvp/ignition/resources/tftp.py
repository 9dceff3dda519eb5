"""``tftp:`` URLs: a client for RFC 1350, mode octet, without options, as Ignition's."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Callable
from urllib.parse import unquote, urlsplit

from .failure import Cancelled, FetchFailure, explain, safe_url
from .limits import Budget
from .pump import Pump, Silence

PORT = 69
#: Data bytes in a block; a shorter block is the last one (RFC 1350, section 2).
BLOCK = 512
#: So many bytes are handed on at once.
_PIECE = 128 * BLOCK
#: Larger than any packet that may come, so that one that is too large is seen as such.
_DATAGRAM = 2048


class Opcode(IntEnum):
    """RFC 1350, section 5."""

    READ = 1
    DATA = 3
    ACK = 4
    ERROR = 5


#: Host and port, and two numbers more for IPv6: as the socket module has it.
_Address = tuple[Any, ...]


@dataclass(frozen=True)
class _Server:
    family: int
    address: _Address


def get(url: str, budget: Budget, log: Callable[[str], None]) -> Iterator[bytes]:
    """The file in pieces; raises FetchFailure, also while it is read."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if "\0" in path:
        raise FetchFailure("the path holds a NUL character", advice="check the URL")
    server = _look_up(parts.hostname or "", parts.port or PORT, safe_url(url), budget, log)
    pump = Pump(lambda: _transfer(server, path, budget), budget.cancelled)
    patience = budget.until_answer
    received = False
    try:
        while True:
            try:
                chunk = pump.take(patience())
            except Silence:
                # Out of time as a whole: until_answer and until_chunk say so themselves.
                patience()
                raise budget.silence() if received else FetchFailure("no answer") from None
            if chunk is None:
                return
            received = True
            patience = budget.until_chunk
            if chunk:
                yield chunk
    finally:
        pump.close()


def _look_up(
    host: str, port: int, shown: str, budget: Budget, log: Callable[[str], None]
) -> _Server:
    """The server's address, IPv4 first; asked for again while the network comes up."""
    pause = budget.limits.first_pause
    while True:
        lookup = Pump(lambda: _resolve(host, port), budget.cancelled)
        try:
            server = lookup.take(budget.until_answer())
        except Cancelled:
            raise
        except (FetchFailure, Silence) as error:
            cause = error.cause if isinstance(error, FetchFailure) else "no answer in time"
        else:
            if server is not None:
                return server
            cause = "the host name has no address"
        finally:
            lookup.close()
        try:
            budget.check_time_for(pause)
            log(f"GET {shown}: {cause}; trying again in {pause:g} s")
            budget.pause(pause)
        except Cancelled:
            raise
        except FetchFailure as late:
            raise FetchFailure(f"{cause} ({late.cause})", advice=late.advice) from late
        pause = min(pause * 2, budget.limits.longest_pause)


def _resolve(host: str, port: int) -> Iterator[_Server]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise FetchFailure(explain(error)) from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    yield _Server(int(found[0][0]), found[0][4])


def _transfer(server: _Server, path: str, budget: Budget) -> Iterator[bytes]:
    """Ask for the file and acknowledge its blocks. Runs in the pump's thread."""
    limits = budget.limits
    with socket.socket(server.family, socket.SOCK_DGRAM) as sock:
        port = 0
        expected = 1
        target = server.address
        packet = struct.pack("!H", Opcode.READ) + path.encode() + b"\0octet\0"
        last = False
        gathered = bytearray()
        while not last:
            for _ in range(limits.tftp_retries + 1):
                answer = _exchange(sock, target, packet, expected, port, limits.tftp_packet)
                if answer is not None:
                    break
                if budget.cancelled.is_set():
                    raise Cancelled
            else:
                raise FetchFailure(
                    f"no answer to {limits.tftp_retries + 1} packets "
                    + (f"after block {expected - 1}" if port else "that ask for the file"),
                    advice="check that the TFTP server runs and that UDP gets through",
                )
            block, target = answer
            # A server answers from a port of its own, and stays with it.
            port = int(target[1])
            packet = struct.pack("!HH", Opcode.ACK, expected)
            # Block numbers start anew after 65535, as every server for large files has it.
            expected = (expected + 1) & 0xFFFF
            last = len(block) < BLOCK
            gathered += block
            if last or len(gathered) >= _PIECE:
                yield bytes(gathered)
                gathered.clear()
        _send(sock, packet, target)


def _exchange(
    sock: socket.socket,
    target: _Address,
    packet: bytes,
    expected: int,
    port: int,
    timeout: float,
) -> tuple[bytes, _Address] | None:
    """Send ``packet``; the block of number ``expected`` and its sender, or None if none came."""
    ends = time.monotonic() + timeout
    if not _send(sock, packet, target):
        threading.Event().wait(timeout)
        return None
    while True:
        left = ends - time.monotonic()
        if left <= 0:
            return None
        sock.settimeout(left)
        try:
            answer, sender = sock.recvfrom(_DATAGRAM)
        except OSError:
            return None
        if sender[0] != target[0] or (port and sender[1] != port):
            continue
        number = _number(answer)
        if number == expected:
            return answer[4:], sender
        if port and number == (expected - 1) & 0xFFFF:
            # Our acknowledgement was lost: the server sends the block before once more.
            _send(sock, packet, target)


def _number(packet: bytes) -> int:
    """The block's number of a DATA packet; raises FetchFailure for any other packet."""
    if len(packet) >= 4:
        opcode, number = struct.unpack_from("!HH", packet)
        if opcode == Opcode.DATA and len(packet) <= 4 + BLOCK:
            return int(number)
        if opcode == Opcode.ERROR:
            text = packet[4:].partition(b"\0")[0].decode("utf-8", "replace")
            shown = "".join(char for char in text if char.isprintable())
            raise FetchFailure(f"the server answered with error {number}: {shown}")
    raise FetchFailure("the server's answer is not TFTP as RFC 1350 has it")


def _send(sock: socket.socket, packet: bytes, target: _Address) -> bool:
    """Whether it went out; an interface that is not up yet counts as a packet lost."""
    try:
        sock.sendto(packet, target)
    except OSError:
        return False
    return True
