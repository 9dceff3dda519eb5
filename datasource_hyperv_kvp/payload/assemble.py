"""Pools to a payload: every document that counts, every fault, and the host's facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.kvp.pools import AUTO_EXTERNAL, EXTERNAL, Pool, Pools
from datasource_hyperv_kvp.payload import manifest as manifests
from datasource_hyperv_kvp.payload.document import Document, joined_by, listed, unlisted
from datasource_hyperv_kvp.payload.hostfacts import host_facts
from datasource_hyperv_kvp.payload.names import (
    DOCUMENT_NAMES,
    IGNITION,
    MANIFEST_KEY,
    META_DATA,
    NETWORK_CONFIG,
    USER_DATA,
    VENDOR_DATA,
    chunk_number,
    document_of,
    encoding_key,
)


@dataclass(frozen=True)
class Payload:
    """Everything that the host wants this machine to know.

    ``documents`` has every document that is meant to be there, in the order of
    ``DOCUMENT_NAMES``, damaged ones included: a damaged one has a fault and no text.
    """

    documents: Mapping[str, Document] = field(default_factory=dict)
    #: One for the manifest if it is damaged, then one for each damaged document.
    faults: tuple[DocumentError, ...] = ()
    #: Pool 3, names in snake case: ``virtual_machine_name``.
    host_facts: Mapping[str, str] = field(default_factory=dict)
    #: Keys of ours in pool 0 that do not count: of an older document, or not in the manifest.
    stale: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the host wants nothing of us: no document, and nothing damaged."""
        return not self.documents and not self.faults

    @property
    def ignition(self) -> str | None:
        return self._text(IGNITION)

    @property
    def user_data(self) -> str | None:
        return self._text(USER_DATA)

    @property
    def meta_data(self) -> str | None:
        return self._text(META_DATA)

    @property
    def vendor_data(self) -> str | None:
        return self._text(VENDOR_DATA)

    @property
    def network_config(self) -> str | None:
        return self._text(NETWORK_CONFIG)

    def _text(self, name: str) -> str | None:
        document = self.documents.get(name)
        return document.text if document else None


def assemble(pools: Pools) -> Payload:
    """Put the documents in pool 0 together.

    With a manifest only what it lists counts, and only if its hash fits. Without one a document is
    its single key if that is not empty (Ignition's rule), or else its numbered keys up to the first
    gap; a JSON text ends where it is whole, so that chunks of a longer predecessor do no harm.

    Never raises for what a host may have sent: what is wrong is in ``Payload.faults``.
    """
    pool = pools.get(EXTERNAL, {})
    facts = host_facts(pools.get(AUTO_EXTERNAL, {}))
    faults: list[DocumentError] = []
    documents: dict[str, Document] = {}
    manifest_text = pool.get(MANIFEST_KEY, "")
    if manifest_text:
        try:
            manifest = manifests.parse(manifest_text)
        except DocumentError as error:
            # Whatever else is there may be stale, in part, or encoded in an unknown way.
            return Payload(faults=(error,), host_facts=facts, stale=_stale(pool, {}))
        documents = _listed(pool, manifest)
        faults += [error for name, error in manifest.faults.items() if name not in documents]
    else:
        for name in DOCUMENT_NAMES:
            document = unlisted(pool, name)
            if document:
                documents[name] = document
    faults += [document.fault for document in documents.values() if document.fault]
    return Payload(
        documents=documents,
        faults=tuple(faults),
        host_facts=facts,
        stale=_stale(pool, documents, by_manifest=bool(manifest_text)),
    )


def is_complete(pools: Pools) -> bool:
    """Whether a manifest is there and all that it lists has arrived, so that no wait is left."""
    pool = pools.get(EXTERNAL, {})
    try:
        manifest = manifests.parse(pool.get(MANIFEST_KEY, ""))
    except DocumentError:
        return False
    return not manifest.faults and all(
        joined_by(pool, name, entry).fault is None for name, entry in manifest.entries.items()
    )


def is_pending(pools: Pools) -> bool:
    """Whether a document is known to be in part only, so that it is worth waiting for the rest.

    True where the manifest asks for more than is there, and without one for a gap between chunks,
    JSON or gzip that ends in the middle, or an encoding without a document.
    """
    pool = pools.get(EXTERNAL, {})
    if any(document.partial for document in assemble(pools).documents.values()):
        return True
    return not pool.get(MANIFEST_KEY) and any(_has_gap(pool, name) for name in DOCUMENT_NAMES)


def _has_gap(pool: Pool, name: str) -> bool:
    numbers = [number for number in (chunk_number(name, key) for key in pool) if number is not None]
    return not pool.get(name) and bool(numbers) and max(numbers) >= len(numbers)


def _listed(pool: Pool, manifest: manifests.Manifest) -> dict[str, Document]:
    documents = {}
    for name in DOCUMENT_NAMES:
        if name in manifest.faults:
            documents[name] = Document(name=name, fault=manifest.faults[name], in_manifest=True)
        elif name in manifest.entries:
            documents[name] = listed(pool, name, manifest.entries[name])
    return documents


def _stale(
    pool: Pool, documents: Mapping[str, Document], *, by_manifest: bool = False
) -> tuple[str, ...]:
    used = {key for document in documents.values() for key in document.keys}
    if not by_manifest:
        used.update(encoding_key(name) for name in documents)
    return tuple(key for key in pool if key not in used and document_of(key) and pool[key])
