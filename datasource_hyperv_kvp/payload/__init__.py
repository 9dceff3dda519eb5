"""Pools to documents, and documents to keys: join and split, encodings, completeness.

A document stands in pool 0, whole in one key of its name or in chunks, numbered keys from 0 on.
``assemble`` finds and decodes the documents; ``is_complete`` says that nothing more will come,
``is_pending`` that something must; ``encode`` is the way back.
"""

from __future__ import annotations

from datasource_hyperv_kvp.payload.assemble import Payload, assemble, is_complete, is_pending
from datasource_hyperv_kvp.payload.document import Document
from datasource_hyperv_kvp.payload.encode import encode, replace
from datasource_hyperv_kvp.payload.names import (
    DOCUMENT_NAMES,
    IGNITION,
    MANIFEST_KEY,
    META_DATA,
    NETWORK_CONFIG,
    USER_DATA,
    VENDOR_DATA,
    short_name,
)

__all__ = [
    "DOCUMENT_NAMES",
    "IGNITION",
    "MANIFEST_KEY",
    "META_DATA",
    "NETWORK_CONFIG",
    "USER_DATA",
    "VENDOR_DATA",
    "Document",
    "Payload",
    "assemble",
    "encode",
    "is_complete",
    "is_pending",
    "replace",
    "short_name",
]
