"""The messages on ``/dev/vmbus/hv_kvp``: their layout, operations and status codes.

Every message, in both directions, is one ``struct hv_kvp_msg`` of the kernel's user API
(``linux/hyperv.h``): packed, little-endian, 7,432 bytes. A 4-byte header (operation, pool,
padding), which a reply overlays with a 32-bit status, is followed by a union whose largest member
is the 7,426 bytes of IP data. This module turns bytes into values and back, and does no I/O.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from datasource_hyperv_kvp.kvp.pools import Record

MESSAGE_SIZE = 7432  #: bytes, sizeof(struct hv_kvp_msg)
KEY_SIZE = 512  #: bytes, HV_KVP_EXCHANGE_MAX_KEY_SIZE, the final NUL included
VALUE_SIZE = 2048  #: bytes, HV_KVP_EXCHANGE_MAX_VALUE_SIZE, the final NUL included

_HEADER = struct.Struct("<BBH")  # operation, pool, padding
_STATUS = struct.Struct("<I")  # overlays the header of a reply
_INDEX = struct.Struct("<I")
_DATA = struct.Struct(f"<III{KEY_SIZE}s{VALUE_SIZE}s")  # value type, key size, value size, …
_DELETE = struct.Struct(f"<I{KEY_SIZE}s")  # key size, key

_TEXT = 1  # REG_SZ; the kernel has turned numbers into text before anybody sees them


class Operation(IntEnum):
    """What a message asks for (``enum hv_kvp_exchg_op``)."""

    GET = 0
    SET = 1
    DELETE = 2
    ENUMERATE = 3
    GET_IP_INFO = 4
    SET_IP_INFO = 5
    REGISTER1 = 100


class Status(IntEnum):
    """How a request ended (``HV_S_OK`` and its neighbours)."""

    OK = 0
    FAIL = 0x80004005
    NO_MORE_ITEMS = 0x80070103
    NOT_SUPPORTED = 0x80070032


@dataclass(frozen=True)
class Request:
    """One request of the host.

    ``operation`` is a bare number because a newer kernel may ask for what nobody here knows.
    ``key`` and ``value`` are what the operation carries, else empty; ``index`` is ENUMERATE's.
    """

    operation: int
    pool: int
    key: str = ""
    value: str = ""
    index: int = 0


def text(field: bytes) -> str:
    """Decode a field of a message or a pool file: it ends at its first NUL, or fills the field."""
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def parse_request(message: bytes) -> Request:
    """Take a request apart.

    :raises ValueError: the message has not exactly :data:`MESSAGE_SIZE` bytes.
    """
    if len(message) != MESSAGE_SIZE:
        raise ValueError(f"a message has {MESSAGE_SIZE} bytes, this one {len(message)}")
    operation, pool, _ = _HEADER.unpack_from(message)
    body = _HEADER.size
    if operation in (Operation.SET, Operation.GET):
        _, key_size, value_size, key, value = _DATA.unpack_from(message, body)
        if operation == Operation.GET:
            return Request(operation, pool, _sized(key, key_size))
        return Request(operation, pool, _sized(key, key_size), _sized(value, value_size))
    if operation == Operation.DELETE:
        key_size, key = _DELETE.unpack_from(message, body)
        return Request(operation, pool, _sized(key, key_size))
    if operation == Operation.ENUMERATE:
        (index,) = _INDEX.unpack_from(message, body)
        return Request(operation, pool, index=index)
    return Request(operation, pool)


def _sized(field: bytes, size: int) -> str:
    # Behind the text stands whatever the buffer held before; a size of 0 or beyond the field is no
    # size that the kernel would write, and then only the NUL can say where the text ends.
    return text(field[:size] if 0 < size <= len(field) else field)


def register() -> bytes:
    """Build the message that a reader introduces itself with."""
    return _HEADER.pack(Operation.REGISTER1, 0, 0).ljust(MESSAGE_SIZE, b"\0")


def reply(request: bytes, status: Status, record: Record | None = None) -> bytes:
    """Build the answer to a request.

    :param request: the request as it was read; one that is too short is filled up.
    :param record: the key and value that ENUMERATE, or the value that GET, asked for.
    """
    answer = bytearray(request[:MESSAGE_SIZE].ljust(MESSAGE_SIZE, b"\0"))
    operation = answer[0]
    _STATUS.pack_into(answer, 0, status)
    if record is not None:
        body = _HEADER.size + (_INDEX.size if operation == Operation.ENUMERATE else 0)
        key = _field(record.key, KEY_SIZE)
        value = _field(record.value, VALUE_SIZE)
        _DATA.pack_into(answer, body, _TEXT, len(key) + 1, len(value) + 1, key, value)
    return bytes(answer)


def _field(value: str, size: int) -> bytes:
    # The kernel measures a reply's texts with strlen: the last byte has to be a NUL.
    return value.encode("utf-8", "surrogateescape")[: size - 1]
