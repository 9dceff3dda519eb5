"""One document in pool 0: which of its keys count, whether it is whole, and what it says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.kvp.pools import Pool
from datasource_hyperv_kvp.payload import encoding as encodings
from datasource_hyperv_kvp.payload import jsontext
from datasource_hyperv_kvp.payload.chunks import VALUE_BYTES, VALUE_UNITS, join, to_bytes
from datasource_hyperv_kvp.payload.manifest import Entry
from datasource_hyperv_kvp.payload.names import chunk_key, chunk_number, encoding_key


@dataclass(frozen=True)
class Document:
    """One document and how it came."""

    #: One of ``DOCUMENT_NAMES``.
    name: str
    #: The keys that it was joined from, in order; missing ones are not among them.
    keys: tuple[str, ...] = ()
    #: One of ``encoding.ENCODINGS``.
    encoding: str = encodings.PLAIN
    #: Of the joined text before decoding, hexadecimal; empty if keys are missing.
    sha256: str = ""
    #: Bytes of UTF-8 after decoding; 0 if the document is damaged.
    size: int = 0
    #: The decoded text; ``None`` if the document is damaged.
    text: str | None = None
    fault: DocumentError | None = None
    #: Whether the manifest lists it, so that its hash was checked.
    in_manifest: bool = False
    #: Whether it is damaged in a way that keys still to come would mend.
    partial: bool = False

    @property
    def chunks(self) -> int:
        """How many keys it came in."""
        return len(self.keys)


def listed(pool: Pool, name: str, entry: Entry) -> Document:
    """The document that the manifest asks for, decoded if it is whole."""
    joined = joined_by(pool, name, entry)
    return joined if joined.fault else _decoded(pool, joined)


def joined_by(pool: Pool, name: str, entry: Entry) -> Document:
    """The document that the manifest asks for, not yet decoded: its text is the joined one."""
    keys = [chunk_key(name, number) for number in range(entry.chunks)]
    # A document that fits one key may have come under its plain name, as people set it by hand.
    candidates = [keys, [name]] if entry.chunks == 1 else [keys]
    found = ""
    for candidate in candidates:
        if any(key not in pool for key in candidate):
            continue
        text = join(pool[key] for key in candidate)
        digest = hashlib.sha256(to_bytes(text)).hexdigest()
        if digest == entry.sha256:
            return Document(
                name=name,
                keys=tuple(candidate),
                encoding=entry.encoding,
                sha256=digest,
                text=text,
                in_manifest=True,
            )
        found = found or digest
    present = tuple(key for key in keys if key in pool)
    if found:
        fault = DocumentError(
            f"the manifest expects sha256 {entry.sha256[:16]}…, "
            f"{_plural(len(present), 'joined key')} gave {found[:16]}…",
            where=_span(name, entry.chunks),
            advice="a chunk is stale or was changed; set the document again with its manifest",
        )
    else:
        missing = [key for key in keys if key not in pool]
        fault = DocumentError(
            f"the manifest expects {_plural(entry.chunks, 'key')}, "
            f"{len(present)} {'is' if len(present) == 1 else 'are'} there; "
            f"missing: {_some(missing)}",
            where=_span(name, entry.chunks),
            advice="look whether the host still has all keys of this machine, and set them again",
        )
    return Document(
        name=name,
        keys=present,
        encoding=entry.encoding,
        sha256=found,
        fault=fault,
        in_manifest=True,
        partial=True,
    )


def unlisted(pool: Pool, name: str) -> Document | None:
    """The document as its keys alone tell it, or ``None`` if it has none."""
    numbers = sorted(n for n in (chunk_number(name, key) for key in pool) if n is not None)
    single = pool.get(name, "")
    if single:
        return _with_set_encoding(pool, name, (name,))
    if not numbers:
        spelling = pool.get(encoding_key(name), "")
        if not spelling:
            return None
        fault = DocumentError(
            f"the host has set an encoding ({spelling[:40]!a}), but no document",
            where=encoding_key(name),
            advice=f"set {name} or {chunk_key(name, 0)} as well, or remove this key",
        )
        return Document(name=name, fault=fault, partial=True)
    if numbers[0] != 0:
        fault = DocumentError(
            f"the first chunk is missing; there is {_some([chunk_key(name, n) for n in numbers])}",
            where=chunk_key(name, 0),
            advice="set the document again, or remove the chunks of an older one",
        )
        there = tuple(chunk_key(name, number) for number in numbers)
        return Document(name=name, keys=there, fault=fault, partial=True)
    count = next((i for i, n in enumerate(numbers) if i != n), len(numbers))
    keys = tuple(chunk_key(name, number) for number in range(count))
    if any(pool[key] for key in keys):
        return _with_set_encoding(pool, name, keys)
    return None  # keys emptied because they could not be removed


def _with_set_encoding(pool: Pool, name: str, keys: tuple[str, ...]) -> Document:
    try:
        encoding = encodings.canonical(pool.get(encoding_key(name), ""))
        if not pool.get(encoding_key(name)) and encodings.is_gzip_base64(
            join(pool[k] for k in keys)
        ):
            # Its manifest was lost. gzip has a checksum and a length, so nothing is guessed.
            encoding = encodings.GZIP_BASE64
    except DocumentError as error:
        fault = DocumentError(error.message, where=encoding_key(name), advice=error.advice)
        return Document(name=name, keys=keys, fault=fault)
    keys = _whole_json(pool, keys) if encoding == encodings.PLAIN else keys
    text = join(pool[key] for key in keys)
    digest = hashlib.sha256(to_bytes(text)).hexdigest()
    joined = Document(name=name, keys=keys, encoding=encoding, sha256=digest, text=text)
    return _decoded(pool, joined)


def _decoded(pool: Pool, joined: Document) -> Document:
    """Decode a document whose text is still the joined one."""
    try:
        text = encodings.decode(joined.text or "", joined.encoding)
    except DocumentError as error:
        # Of base64 and gzip the end may be missing; of plain text only the next key would tell.
        partial = joined.encoding != encodings.PLAIN and not joined.in_manifest
        fault = _located(error, pool, joined)
        return replace(joined, text=None, fault=fault, partial=partial)
    if not joined.in_manifest and jsontext.is_cut_object(text):
        return replace(joined, text=None, fault=_cut(joined), partial=True)
    return replace(joined, text=text, size=len(text.encode()))


def _located(error: DocumentError, pool: Pool, document: Document) -> DocumentError:
    """Say which keys are meant, and which one the guest's kernel has cut if one has been."""
    advice = error.advice
    for key in document.keys:
        value = pool[key]
        if len(to_bytes(value)) >= VALUE_BYTES - 2 and _ends_cut(value):
            advice = (
                f"{key} was longer than {VALUE_BYTES} bytes of UTF-8 and was cut in the guest; "
                "cut it into shorter chunks, as hyperv-kvp encode does"
            )
    single = document.keys == (document.name,)
    where = document.name if single else _span(document.name, document.chunks)
    return DocumentError(error.message, where=where, advice=advice)


def _ends_cut(value: str) -> bool:
    return bool(value) and 0xDC80 <= ord(value[-1]) <= 0xDCFF


def _cut(document: Document) -> DocumentError:
    if document.keys == (document.name,):
        return DocumentError(
            "the JSON text ends in the middle",
            where=document.name,
            advice=f"one value holds {VALUE_UNITS} characters; set longer texts in chunks",
        )
    return DocumentError(
        f"the JSON text ends in the middle, after {_plural(document.chunks, 'key')}",
        where=_span(document.name, document.chunks),
        advice=f"{chunk_key(document.name, document.chunks)} is missing, or an older document's "
        "chunk is in the place of a newer one; set the document again",
    )


def _whole_json(pool: Pool, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what follows the chunk that ends a JSON object: it is of a longer predecessor.

    Other texts, and JSON that does not end where a chunk ends, stay as they are: what is wrong
    with them is for their own parsers to say.
    """
    text = join(pool[key] for key in keys)
    end = jsontext.end_of_object(text)
    if end is None or not text[end:].strip():
        return keys
    # In bytes, since another tool may have cut between those of a character.
    whole = to_bytes(text)
    needed = len(to_bytes(text[:end]))
    reached = 0
    for count, key in enumerate(keys, start=1):
        reached += len(to_bytes(pool[key]))
        if reached >= needed:
            return keys if whole[needed:reached].strip() else keys[:count]
    return keys


def _span(name: str, chunks: int) -> str:
    last = f" to .{chunks - 1}" if chunks > 1 else ""
    return f"{chunk_key(name, 0)}{last}"


def _some(keys: list[str]) -> str:
    shown = ", ".join(keys[:5])
    return f"{shown} and {len(keys) - 5} more" if len(keys) > 5 else shown


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
