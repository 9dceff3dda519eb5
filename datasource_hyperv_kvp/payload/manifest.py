"""The manifest: which documents a tool has set, of how many chunks, with which hash.

One JSON object in one value, written last::

    {"version": 1, "documents": {"cloud-init.user-data":
        {"chunks": 12, "sha256": "…", "encoding": "gzip+base64"}}}

``chunks`` counts the numbered keys. ``1`` may also be the single key without a number. ``sha256``
is that of the joined text's UTF-8, before decoding. A member that this version does not know is
ignored; what a reader must know raises the version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.payload import encoding as encodings
from datasource_hyperv_kvp.payload.chunks import VALUE_BYTES
from datasource_hyperv_kvp.payload.names import DOCUMENT_NAMES, MANIFEST_KEY

VERSION = 1

# More than a host ever keeps; it bounds the work that a damaged number can cause.
_CHUNKS_LIMIT = 65536
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_ADVICE = "set the documents again with hyperv-kvp encode or Set-VMProvisioningData.ps1"


@dataclass(frozen=True)
class Entry:
    """What the manifest says of one document."""

    #: How many numbered keys the document has.
    chunks: int
    #: Hexadecimal, lower case.
    sha256: str
    #: One of ``encoding.ENCODINGS``.
    encoding: str = encodings.PLAIN


@dataclass(frozen=True)
class Manifest:
    """What a tool has set; a document is either in ``entries`` or, if unusable, in ``faults``."""

    entries: Mapping[str, Entry]
    faults: Mapping[str, DocumentError]


def parse(text: str) -> Manifest:
    """Read the manifest's value. A fault in one entry leaves the others usable.

    :raises DocumentError: if the manifest as a whole is not one.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise _damaged("not JSON: nested too deeply") from None
    except ValueError as error:
        raise _damaged(f"not JSON: {error} ({len(text)} characters)") from None
    if not isinstance(value, dict):
        raise _damaged(f"expected a JSON object, found {_kind(value)}")
    version = value.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise _damaged(f'expected "version": {VERSION}, found {_shown(version)}')
    documents = value.get("documents")
    if not isinstance(documents, dict):
        raise _damaged(f'expected "documents" to be an object, found {_kind(documents)}')
    entries = {}
    faults = {}
    for name, fields in documents.items():
        try:
            entries[name] = _entry(name, fields)
        except DocumentError as error:
            faults[name] = error
    return Manifest(entries=entries, faults=faults)


def _entry(name: str, fields: object) -> Entry:
    if name not in DOCUMENT_NAMES:
        known = ", ".join(DOCUMENT_NAMES)
        raise _damaged(f"lists {_shown(name)}, which is no document; known are {known}")
    if not isinstance(fields, dict):
        raise _damaged(f"{name}: expected an object, found {_kind(fields)}")
    chunks = fields.get("chunks")
    if isinstance(chunks, bool) or not isinstance(chunks, int) or not 1 <= chunks <= _CHUNKS_LIMIT:
        raise _damaged(
            f'{name}: expected "chunks" to be a number from 1 to {_CHUNKS_LIMIT}, '
            f"found {_shown(chunks)}"
        )
    sha256 = fields.get("sha256")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _damaged(
            f'{name}: expected "sha256" to be 64 hexadecimal digits, found {_shown(sha256)}'
        )
    spelling = fields.get("encoding", "")
    if not isinstance(spelling, str):
        raise _damaged(f'{name}: expected "encoding" to be a string, found {_kind(spelling)}')
    try:
        encoding = encodings.canonical(spelling)
    except DocumentError as error:
        raise DocumentError(
            f"{name}: {error.message}", where=MANIFEST_KEY, advice=error.advice
        ) from None
    return Entry(chunks=chunks, sha256=sha256.lower(), encoding=encoding)


def dump(entries: Mapping[str, Entry]) -> str:
    """The manifest's value; compact, since one value has to hold it."""
    documents = {
        name: {"chunks": entry.chunks, "sha256": entry.sha256, "encoding": entry.encoding}
        for name, entry in entries.items()
    }
    text = json.dumps({"version": VERSION, "documents": documents}, separators=(",", ":"))
    if len(text) > VALUE_BYTES // 2:  # cannot happen with five documents; never write a torn one
        raise _damaged(f"{len(text)} characters do not fit one value")
    return text


def _damaged(message: str) -> DocumentError:
    return DocumentError(message, where=MANIFEST_KEY, advice=_ADVICE)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return "nothing" if value is None else names.get(type(value), "a number")


def _shown(value: object) -> str:
    """A value from the manifest in a message: ASCII, and cut where it is long."""
    text = json.dumps(value) if value is not None else "nothing"
    return text if len(text) <= 60 else f"{text[:60]}…"
