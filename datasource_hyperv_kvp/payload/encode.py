"""Documents to keys, and keys into a pool that already has some."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.kvp.pools import EXTERNAL, Pool
from datasource_hyperv_kvp.payload import encoding as encodings
from datasource_hyperv_kvp.payload import manifest as manifests
from datasource_hyperv_kvp.payload.assemble import assemble
from datasource_hyperv_kvp.payload.chunks import VALUE_BYTES, VALUE_UNITS, split
from datasource_hyperv_kvp.payload.names import (
    DOCUMENT_NAMES,
    IGNITION,
    MANIFEST_KEY,
    chunk_key,
    document_of,
)

# The host hands keys over as XML, which has no control characters but these three and turns a
# carriage return into a line feed.
_NOT_FOR_XML = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


def encode(
    documents: Mapping[str, str | bytes],
    *,
    encoding: str | Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Documents to keys and values, in the order in which to set them; the manifest comes last.

    :param documents: names of ``DOCUMENT_NAMES`` to text, or to the bytes of it; bytes may also be
        gzip of text. None may be empty.
    :param encoding: how to wrap the documents, in any spelling. One for all leaves
        ``ignition.config`` as it is, since Ignition itself knows none; a mapping can name that too.
        Documents without one stay as they are if they fit one value that XML leaves alone, and
        become ``gzip+base64`` otherwise.
    :raises DocumentError: for what could not come out again: an unknown name, an empty document,
        NUL in an Ignition config, bytes that are not text.
    """
    return _encode_all(documents, encoding, {})


def replace(
    pool: Pool,
    documents: Mapping[str, str | bytes],
    *,
    encoding: str | Mapping[str, str] | None = None,
    remove: Collection[str] = (),
) -> dict[str, str]:
    """Pool 0 after setting and removing documents: foreign keys and other documents stay.

    No key of an earlier version of the documents is left, nor any stale one. Other documents that
    are there without a manifest enter the new one, or it would make them stale. When no document
    is left, there is no manifest either.

    :param remove: names of documents that are to go.
    :raises DocumentError: as ``encode``, and if a document that is to stay is damaged, since
        nobody could tell which of its keys to keep.
    """
    payload = assemble({EXTERNAL: pool})
    staying = {name: payload.documents[name] for name in payload.documents if name not in documents}
    faults = [other.fault for name, other in staying.items() if name not in remove]
    if not payload.documents and {document_of(key) for key in pool} - {None, *documents, *remove}:
        faults += payload.faults  # the manifest itself is damaged, and with it all that it lists
    for fault in faults:
        if fault:
            raise DocumentError(
                fault.message, where=fault.where, advice="set or remove this document as well"
            )
    keys = {key: value for key, value in pool.items() if not _is_ours(key)}
    entries = {}
    for name, document in staying.items():
        if name not in remove:
            keys.update((key, pool[key]) for key in document.keys)
            entries[name] = manifests.Entry(document.chunks, document.sha256, document.encoding)
    return {**keys, **_encode_all(documents, encoding, entries)}


def _encode_all(
    documents: Mapping[str, str | bytes],
    encoding: str | Mapping[str, str] | None,
    others: Mapping[str, manifests.Entry],
) -> dict[str, str]:
    unknown = [name for name in documents if name not in DOCUMENT_NAMES]
    if unknown:
        raise DocumentError(
            f"{unknown[0]!a} is no document", advice=f"known are {', '.join(DOCUMENT_NAMES)}"
        )
    entries = dict(others)
    keys: dict[str, str] = {}
    for name in DOCUMENT_NAMES:
        if name not in documents:
            continue
        try:
            chunks, entries[name] = _encode_one(name, documents[name], _wanted(name, encoding))
        except DocumentError as error:
            raise DocumentError(error.message, where=name, advice=error.advice) from None
        keys.update((chunk_key(name, number), chunk) for number, chunk in enumerate(chunks))
    ordered = {name: entries[name] for name in DOCUMENT_NAMES if name in entries}
    if ordered:
        keys[MANIFEST_KEY] = manifests.dump(ordered)
    return keys


def _encode_one(
    name: str, document: str | bytes, wanted: str | None
) -> tuple[list[str], manifests.Entry]:
    data = _utf8(document) if isinstance(document, str) else document
    if not data:
        raise DocumentError("is empty", advice="leave it out, or remove its keys")
    encoding = _choice(name, data) if wanted is None else wanted
    text = encodings.wrap(data, encoding)
    # Whoever reads must be able to: refuses what is too large or only looks like gzip.
    encodings.decode(text, encoding)
    chunks = split(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return chunks, manifests.Entry(chunks=len(chunks), sha256=digest, encoding=encoding)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(
            f"character {error.start + 1} is half of a surrogate pair",
            advice="a document must be text that UTF-8 can hold",
        ) from None


def _wanted(name: str, encoding: str | Mapping[str, str] | None) -> str | None:
    if isinstance(encoding, str):
        return None if name == IGNITION else encodings.canonical(encoding)
    if encoding is not None and name in encoding:
        return encodings.canonical(encoding[name])
    return None


def _choice(name: str, data: bytes) -> str:
    """Text in one value that a person can read on the host, or else what takes the fewest keys."""
    if name == IGNITION:
        return encodings.PLAIN
    if encodings.is_gzip(data):
        return encodings.GZIP_BASE64
    if len(data) > VALUE_BYTES:
        return encodings.GZIP_BASE64
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return encodings.PLAIN  # wrap() refuses it and says where
    fits = len(text.encode("utf-16-le")) <= 2 * VALUE_UNITS
    if not fits or _NOT_FOR_XML.search(text) or not text.strip(" \t\n"):
        return encodings.GZIP_BASE64
    return encodings.PLAIN


def _is_ours(key: str) -> bool:
    return key == MANIFEST_KEY or document_of(key) is not None
