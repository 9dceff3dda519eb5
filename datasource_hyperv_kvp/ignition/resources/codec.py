"""Decompression and verification of a stream of bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from .failure import FetchFailure

#: The largest piece that decompression hands on, in bytes, however small its source is.
_PIECE = 256 << 10


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress gzip: several members are joined; anything else behind one is an error."""
    member = zlib.decompressobj(wbits=31)
    inside = False
    members = 0
    for chunk in chunks:
        data = chunk
        while data:
            if not inside:
                member = zlib.decompressobj(wbits=31)
                inside = True
            try:
                piece = member.decompress(data, _PIECE)
                while piece:
                    yield piece
                    piece = member.decompress(member.unconsumed_tail, _PIECE)
            except zlib.error as error:
                what = "more than gzip data" if members else "damaged or no gzip data"
                raise FetchFailure(
                    f"the content is {what} ({error})",
                    advice="compression says gzip: compress the file, or drop the field",
                ) from error
            data = member.unused_data
            if member.eof:
                inside = False
                members += 1
    if inside or not members:
        raise FetchFailure("the gzip data is truncated", advice="upload the file again")


def verify(chunks: Iterable[bytes], expected: str | None) -> Iterator[bytes]:
    """Pass the bytes on, and raise FetchFailure after the last one if their hash is wrong.

    :param expected: ``sha256-…`` or ``sha512-…`` in hexadecimal digits, or None.
    """
    if expected is None:
        yield from chunks
        return
    function, _, digest = expected.partition("-")
    if function not in ("sha256", "sha512"):
        raise FetchFailure(
            f"the hash function {function!r} is unknown", advice="use sha256 or sha512"
        )
    import hashlib

    state = hashlib.new(function)
    for chunk in chunks:
        state.update(chunk)
        yield chunk
    if state.hexdigest() != digest.lower():
        raise FetchFailure(
            f"the content's hash is {function}-{state.hexdigest()}, "
            f"but verification.hash says {function}-{digest}",
            advice="the hash is that of the decompressed bytes; correct it or the file",
        )
