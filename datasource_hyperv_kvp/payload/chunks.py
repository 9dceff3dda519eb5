"""Texts to chunks that pass every limit between the host and a pool file, and back."""

from __future__ import annotations

from collections.abc import Iterable

from datasource_hyperv_kvp.errors import DocumentError

#: On the wire a value has at most 1,024 UTF-16 units with its NUL (``linux/hyperv.h``,
#: ``HV_KVP_EXCHANGE_MAX_VALUE_SIZE`` is 2,048 bytes).
VALUE_UNITS = 1023
#: In the guest the same field holds UTF-8, also with its NUL.
VALUE_BYTES = 2047


def split(text: str) -> list[str]:
    """Cut a text into chunks, each as long as a value may be; an empty text is one empty chunk.

    A chunk ends between two code points, never inside the UTF-8 of one or inside a surrogate
    pair. The host's ``Set-VMProvisioningData.ps1`` cuts at the same places.

    :raises DocumentError: for a NUL, which ends a value, and for half a surrogate pair.
    """
    nul = text.find("\0")
    if nul >= 0:
        raise DocumentError(
            f"character {nul + 1} is NUL, which ends a value",
            advice="encode it as gzip+base64 or take the NUL out",
        )
    chunks = []
    start = 0
    while start < len(text):
        end = start + _fitting(text[start : start + VALUE_UNITS], start)
        chunks.append(text[start:end])
        start = end
    return chunks or [""]


def _fitting(text: str, offset: int) -> int:
    """How many characters of ``text``, at most ``VALUE_UNITS`` long, fit into one value."""
    if text.isascii():
        return len(text)
    units = 0
    size = 0
    for count, character in enumerate(text):
        code = ord(character)
        if 0xD800 <= code <= 0xDFFF:
            raise DocumentError(
                f"character {offset + count + 1} is half of a surrogate pair",
                advice="a document must be text that UTF-8 can hold",
            )
        units += 2 if code > 0xFFFF else 1
        size += 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
        if units > VALUE_UNITS or size > VALUE_BYTES:
            return count
    return len(text)


def join(chunks: Iterable[str]) -> str:
    """Chunks to one text.

    Joined as bytes: a tool that cuts between the bytes of a character leaves two halves, which
    ``Record`` keeps undecoded and which are whole again here. What still is not UTF-8 stays
    undecoded (``surrogateescape``).
    """
    joined = b"".join(to_bytes(chunk) for chunk in chunks)
    return joined.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The bytes of a text that came from a pool, those that are not UTF-8 included."""
    return text.encode("utf-8", "surrogateescape")
