"""A TFTP server (RFC 1350, octet, no options) that loses, repeats, stalls and misbehaves."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BLOCK = 512


@dataclass
class Tftp:
    """A running server and its faults, which may be set while it runs."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    #: Requests as they came: path and mode.
    requests: list[tuple[str, str]] = field(default_factory=list)
    #: Blocks that were acknowledged, in order, repetitions included.
    acknowledged: list[int] = field(default_factory=list)
    #: So many requests are not answered at all.
    deaf: int = 0
    #: Blocks that are lost on their way, once each.
    lose: set[int] = field(default_factory=set)
    #: Blocks that are sent twice.
    repeat: set[int] = field(default_factory=set)
    #: The transfer ends in silence before this block.
    stall_at: int = 0
    #: Answer with this packet, whatever is asked.
    raw: bytes = b""
    #: Before each block, a stranger sends one of his own.
    stranger: bool = False

    @property
    def url(self) -> str:
        return f"tftp://127.0.0.1:{self.port}"


@contextmanager
def tftp_server(files: dict[str, bytes], *, patience: float = 0.05) -> Iterator[Tftp]:
    """Serve ``files`` on 127.0.0.1; a block is sent again after ``patience`` seconds."""
    state = Tftp(files=files)
    over = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.02)
        state.port = sock.getsockname()[1]
        thread = threading.Thread(target=_listen, args=(sock, state, over, patience), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            over.set()
            thread.join()


def _listen(sock: socket.socket, state: Tftp, over: threading.Event, patience: float) -> None:
    while not over.is_set():
        try:
            packet, client = sock.recvfrom(2048)
        except socket.timeout:
            continue
        path, mode, *_ = packet[2:].decode().split("\0")
        state.requests.append((path, mode))
        if state.deaf:
            state.deaf -= 1
            continue
        threading.Thread(
            target=_serve, args=(state, path, client, over, patience), daemon=True
        ).start()


def _serve(
    state: Tftp, path: str, client: tuple[str, int], over: threading.Event, patience: float
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(patience)
        if state.raw:
            sock.sendto(state.raw, client)
            return
        if path not in state.files:
            sock.sendto(struct.pack("!HH", 5, 1) + b"File not found\0", client)
            return
        content = state.files[path]
        for index in range(len(content) // BLOCK + 1):
            number = index + 1
            if number == state.stall_at:
                return
            if state.stranger:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    if number > 1:
                        other.sendto(_data(number, b"forged"), client)
            block = _data(number, content[index * BLOCK : (index + 1) * BLOCK])
            if not _deliver(sock, state, number, block, client, over):
                return


def _deliver(
    sock: socket.socket,
    state: Tftp,
    number: int,
    block: bytes,
    client: tuple[str, int],
    over: threading.Event,
) -> bool:
    """Send a block until it is acknowledged."""
    while not over.is_set():
        if number in state.lose:
            state.lose.discard(number)
        else:
            sock.sendto(block, client)
            if number in state.repeat:
                sock.sendto(block, client)
        try:
            while True:
                packet, _ = sock.recvfrom(2048)
                opcode, acknowledged = struct.unpack_from("!HH", packet)
                if opcode != 4:
                    return False
                state.acknowledged.append(acknowledged)
                if acknowledged == number & 0xFFFF:
                    return True
        except socket.timeout:
            continue
    return False


def _data(number: int, content: bytes) -> bytes:
    return struct.pack("!HH", 3, number & 0xFFFF) + content
