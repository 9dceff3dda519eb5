"""``data:`` URLs: the content stands in the config itself."""

from __future__ import annotations

from collections.abc import Iterator

from datasource_hyperv_kvp.ignition import data_url

from .failure import FetchFailure


def content(url: str) -> Iterator[bytes]:
    """The decoded bytes, if there are any."""
    try:
        decoded = data_url.decode(url)
    except ValueError as error:
        raise FetchFailure(f"the data: URL is invalid: {error}") from error
    if decoded:
        yield decoded
