"""Whatever a host has sent: nothing raises, and what counts is whole and text."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.payload import (
    DOCUMENT_NAMES,
    MANIFEST_KEY,
    assemble,
    encode,
    is_complete,
    is_pending,
    replace,
)

SUFFIXES = ["", ".0", ".1", ".2", ".10", ".encoding", ".x"]
KEYS = st.one_of(
    st.builds("{}{}".format, st.sampled_from(DOCUMENT_NAMES), st.sampled_from(SUFFIXES)),
    st.just(MANIFEST_KEY),
    st.text(max_size=5),
)
#: Bytes that are not UTF-8 come as ``Record`` keeps them.
BYTES = st.binary(max_size=40).map(
    lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "chunks": st.one_of(st.integers(-1, 4), st.floats(), st.none(), st.booleans()),
        "sha256": st.one_of(st.text(max_size=3), st.just("0" * 64), st.integers()),
        "encoding": st.sampled_from(["", "gz+b64", "base64", "rot13", None, 7]),
    },
)
MANIFESTS = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 1, 2, "1", None])},
    optional={"documents": st.dictionaries(st.sampled_from([*DOCUMENT_NAMES, "x"]), ENTRY)},
).map(json.dumps)
VALUES = st.one_of(
    BYTES,
    MANIFESTS,
    st.sampled_from(["{", '{"a": 1}', '{"a"', "base64", "gzip+base64", "H4sI", "QQ=="]),
    st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode()),
    st.binary(max_size=20).map(
        lambda data: base64.b64encode(gzip.compress(data, mtime=0)).decode()
    ),
)
POOLS = st.dictionaries(KEYS, VALUES, max_size=9)


@settings(max_examples=400)
@given(POOLS)
def test_nothing_raises_and_every_document_is_whole_or_a_fault(pool: dict[str, str]) -> None:
    payload = assemble({0: pool, 3: pool})
    for document in payload.documents.values():
        assert (document.text is None) is (document.fault is not None)
        assert document.fault is None or document.fault in payload.faults
        if document.text is not None:
            assert document.size == len(document.text.encode())
    assert all(fault.where and fault.message for fault in payload.faults)
    assert set(payload.stale) <= set(pool)
    if is_complete({0: pool}):
        assert not is_pending({0: pool})


@settings(max_examples=200)
@given(POOLS, st.dictionaries(st.sampled_from(DOCUMENT_NAMES), st.text("ab", min_size=1)))
def test_setting_documents_either_is_refused_or_gives_a_whole_payload(
    pool: dict[str, str], documents: dict[str, str | bytes]
) -> None:
    before = assemble({0: pool})
    try:
        result = replace(pool, documents)
    except DocumentError:
        assert before.faults
        return
    after = assemble({0: result})
    assert (after.faults, after.stale) == ((), ())
    kept: dict[str, Any] = {
        name: document.text for name, document in before.documents.items() if name not in documents
    }
    assert {name: document.text for name, document in after.documents.items()} == {
        **kept,
        **documents,
    }


@given(POOLS)
def test_what_a_tool_sets_is_never_mixed_with_what_is_there(pool: dict[str, str]) -> None:
    everything = {**pool, **encode({name: f"{name}\n" for name in DOCUMENT_NAMES})}
    payload = assemble({0: everything})
    assert {name: document.text for name, document in payload.documents.items()} == {
        name: f"{name}\n" for name in DOCUMENT_NAMES
    }
    assert is_complete({0: everything})
