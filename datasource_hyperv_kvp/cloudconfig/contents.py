"""The bytes of files: decoded, decompressed and verified here, or fetched beforehand."""

from __future__ import annotations

from collections.abc import Mapping

from ..apply.plan import Contents
from ..ignition import data_url
from ..ignition.config import Resource
from .refusals import Refusal

#: Bytes that one ``data:`` URL may hold after decompression; more belongs into a fetched file.
MAX_EMBEDDED = 64 << 20


def contents_of(
    resource: Resource, at: str, staged: Mapping[Resource, str], refusals: list[Refusal]
) -> Contents:
    """The contents of a resource that has a source; refusals are added to the list.

    :param at: JSON path of the resource.
    :param staged: resources that were fetched, and the absolute paths of their private files.
    """
    source = resource.source or ""
    if staged and resource in staged:
        return Contents(staged=staged[resource])
    scheme = source.partition(":")[0].lower()
    if source and scheme != "data":
        refusals.append(
            Refusal(
                f"{at}.source",
                f"its contents are to be fetched by {scheme}, which only the guest does",
                "install datasource_hyperv_kvp in the guest and give it the config itself, "
                "or put the contents into a data: URL",
            )
        )
        return Contents()
    return Contents(data=_embedded(resource, source, at, refusals))


def _embedded(resource: Resource, source: str, at: str, refusals: list[Refusal]) -> bytes:
    if resource.compression not in (None, "", "gzip"):
        advice = "use gzip, or leave compression out"
        message = f"no such compression: {resource.compression!r}"
        refusals.append(Refusal(f"{at}.compression", message, advice))
        return b""
    try:
        content = data_url.decode(source) if source else b""
    except ValueError as error:
        refusals.append(Refusal(f"{at}.source", f"the data: URL is invalid: {error}"))
        return b""
    if not resource.compression and resource.verification_hash is None:
        return content
    return _unpacked(resource, content, at, refusals)


def _unpacked(resource: Resource, content: bytes, at: str, refusals: list[Refusal]) -> bytes:
    # What fetching imports takes longer than rendering a config that needs none of it.
    from ..ignition.resources import codec
    from ..ignition.resources.failure import FetchFailure

    pieces: list[bytes] = []
    size = 0
    chunks = codec.gunzip([content]) if resource.compression else iter([content])
    try:
        for piece in codec.verify(chunks, resource.verification_hash):
            size += len(piece)
            if size > MAX_EMBEDDED:
                message = f"more than {MAX_EMBEDDED >> 20} MiB in a data: URL"
                refusals.append(Refusal(f"{at}.source", message, "give a URL to fetch it from"))
                return b""
            pieces.append(piece)
    except FetchFailure as error:
        refusals.append(Refusal(at, error.cause, error.advice))
        return b""
    return b"".join(pieces)
