"""Which keys in pool 0 are ours, and which document each belongs to."""

from __future__ import annotations

IGNITION = "ignition.config"
USER_DATA = "cloud-init.user-data"
META_DATA = "cloud-init.meta-data"
VENDOR_DATA = "cloud-init.vendor-data"
NETWORK_CONFIG = "cloud-init.network-config"

#: Every document, in the order in which tools write them.
DOCUMENT_NAMES = (IGNITION, USER_DATA, META_DATA, VENDOR_DATA, NETWORK_CONFIG)

MANIFEST_KEY = "cloud-init.manifest"


def short_name(document: str) -> str:
    """What people call a document: ``user-data``, ``ignition``."""
    return "ignition" if document == IGNITION else document.replace("cloud-init.", "", 1)


def chunk_key(document: str, number: int) -> str:
    """The key of a document's chunk; numbers start at 0."""
    return f"{document}.{number}"


def encoding_key(document: str) -> str:
    """The key that says how a document set by hand is encoded."""
    return f"{document}.encoding"


def chunk_number(document: str, key: str) -> int | None:
    """The number of a chunk, if ``key`` is one of the document's.

    Ignition asks for ``%s%d`` from 0 on, so ``.00`` or ``.١`` is never read and is not a chunk.
    """
    prefix = f"{document}."
    digits = key[len(prefix) :] if key.startswith(prefix) else ""
    if not (digits.isascii() and digits.isdigit()) or (digits[0] == "0" and digits != "0"):
        return None
    # No pool holds as many records as nine digits can number; int() of thousands would raise.
    return int(digits) if len(digits) <= 9 else None


def document_of(key: str) -> str | None:
    """The document that a key belongs to; ``None`` for the manifest and for foreign keys."""
    for document in DOCUMENT_NAMES:
        if key in (document, encoding_key(document)) or chunk_number(document, key) is not None:
            return document
    return None
