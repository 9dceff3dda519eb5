"""How a document's text is wrapped for the way through the pool: base64, gzip, or not at all."""

from __future__ import annotations

import base64
import gzip
import re
import zlib

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.payload.chunks import to_bytes

PLAIN = ""
BASE64 = "base64"
GZIP_BASE64 = "gzip+base64"

#: Bytes that a document may have once it is decompressed. A pool holds far less, so that only a
#: decompression bomb comes near it.
SIZE_LIMIT = 16 * 1024 * 1024

# The spellings of cloud-init's write_files. Compressed bytes are no text and cannot pass a pool
# unless base64 carries them: "gz" can only mean the same as "gz+base64".
_SPELLINGS = {
    "": PLAIN,
    "text/plain": PLAIN,
    "b64": BASE64,
    "base64": BASE64,
    "gz": GZIP_BASE64,
    "gzip": GZIP_BASE64,
    "gz+b64": GZIP_BASE64,
    "gz+base64": GZIP_BASE64,
    "gzip+b64": GZIP_BASE64,
    "gzip+base64": GZIP_BASE64,
}
ENCODINGS = (PLAIN, BASE64, GZIP_BASE64)

_GZIP_MAGIC = b"\x1f\x8b"
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_WHITESPACE = re.compile(r"[ \t\r\n]+")


def canonical(spelling: str) -> str:
    """One of ``ENCODINGS`` for any spelling of it; upper case and blanks do not matter.

    :raises DocumentError: for a spelling that nobody uses.
    """
    try:
        return _SPELLINGS[spelling.strip().lower()]
    except KeyError:
        raise DocumentError(
            f"unknown encoding {spelling[:40]!a}",
            advice='expected "", "base64" or "gzip+base64", or a spelling of cloud-init\'s',
        ) from None


def decode(text: str, encoding: str, *, limit: int = SIZE_LIMIT) -> str:
    """The document in a joined text.

    Decoded bytes that are gzip are decompressed, also where only base64 was announced, as
    cloud-init does with user-data.

    :param encoding: one of ``ENCODINGS``.
    :param limit: bytes that the document may have.
    :raises DocumentError: if the text is not what the encoding says, too large or not UTF-8.
    """
    data = to_bytes(text) if encoding == PLAIN else _from_base64(text, encoding)
    if encoding == GZIP_BASE64 and not data.startswith(_GZIP_MAGIC):
        raise DocumentError(
            f"base64 is fine, but what it holds does not begin like gzip ({data[:2].hex()!r})",
            advice="set the encoding to base64, or compress the text",
        )
    if data.startswith(_GZIP_MAGIC):
        data = _gunzip(data, limit)
    if len(data) > limit:
        raise DocumentError(f"{len(data)} bytes; a document may have {limit}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}",
            advice="a document must be UTF-8 text (or gzip of it)",
        ) from None


def _from_base64(text: str, encoding: str) -> bytes:
    packed = _WHITESPACE.sub("", text)
    # Checked here: what base64.b64decode() tolerates differs from one Python to the next.
    if len(packed) % 4 or not _BASE64.fullmatch(packed):
        raise DocumentError(
            f"not base64, which the encoding {encoding!r} asks for",
            advice="a chunk may be missing or stale, or the encoding is not this one",
        )
    return base64.b64decode(packed)


def _gunzip(data: bytes, limit: int) -> bytes:
    """Decompress every member, never more than one byte beyond the limit."""
    result = bytearray()
    while data:
        stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            result += stream.decompress(data, limit + 1 - len(result))
        except zlib.error as error:
            raise DocumentError(
                f"gzip is damaged ({error})", advice="a chunk may be missing or stale; set it again"
            ) from None
        if len(result) > limit:
            raise DocumentError(f"more than {limit} bytes when decompressed, which is the limit")
        if not stream.eof:
            raise DocumentError(
                f"gzip ends early, after {len(result)} decompressed bytes",
                advice="chunks at the end may be missing; set the document again",
            )
        data = stream.unused_data.lstrip(b"\0")  # padding, as gzip(1) allows it
        if data and not data.startswith(_GZIP_MAGIC):
            raise DocumentError(
                f"{len(data)} bytes follow the end of the gzip data",
                advice="chunks of an older document may follow; remove them",
            )
    return bytes(result)


def wrap(data: bytes, encoding: str) -> str:
    """Wrap a document's bytes; ``decode`` is the way back.

    :param encoding: one of ``ENCODINGS``.
    :raises DocumentError: if the bytes would not come out as text again.
    """
    if encoding == GZIP_BASE64:
        if not data.startswith(_GZIP_MAGIC):
            # No time stamp: the same document gives the same keys.
            data = gzip.compress(data, compresslevel=9, mtime=0)
        encoding = BASE64
    text = base64.b64encode(data).decode("ascii") if encoding == BASE64 else ""
    if encoding == PLAIN:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DocumentError(
                f"not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}",
                advice="save it as UTF-8 text",
            ) from None
    return text


def is_gzip(data: bytes) -> bool:
    """Whether bytes begin as gzip files do."""
    return data.startswith(_GZIP_MAGIC)


def is_gzip_base64(text: str) -> bool:
    """Whether a text begins as base64 of a gzip file does: magic and the only method there is."""
    return text.startswith("H4sI")
