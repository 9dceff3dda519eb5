"""From documents to keys, and through the pool back to the same documents."""

from __future__ import annotations

import gzip
import json
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.kvp import EXTERNAL, read_pool_dir, write_pool_files
from datasource_hyperv_kvp.payload import (
    DOCUMENT_NAMES,
    IGNITION,
    MANIFEST_KEY,
    META_DATA,
    USER_DATA,
    VENDOR_DATA,
    assemble,
    encode,
    is_complete,
    replace,
)
from datasource_hyperv_kvp.payload.chunks import VALUE_BYTES, VALUE_UNITS

CONFIG = '{"ignition": {"version": "3.4.0"}}'
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
LONG = st.lists(
    st.tuples(st.sampled_from("aé€\U0001f600\n\r\0"), st.integers(1, 900)), min_size=1, max_size=8
).map(lambda runs: "".join(character * count for character, count in runs))
DOCUMENTS = st.dictionaries(st.sampled_from(DOCUMENT_NAMES), st.one_of(TEXT, LONG), min_size=1).map(
    lambda documents: {
        name: text.replace("\0", "0") if name == IGNITION else text
        for name, text in documents.items()
    }
)
ENCODING = st.sampled_from([None, "base64", "gzip+base64", {IGNITION: "gz", USER_DATA: "b64"}])


def texts(pool: dict[str, str]) -> dict[str, str]:
    payload = assemble({0: pool})
    assert payload.faults == ()
    return {name: document.text or "" for name, document in payload.documents.items()}


@given(DOCUMENTS, ENCODING)
def test_any_text_that_goes_in_comes_out(
    documents: dict[str, str], encoding: str | dict[str, str] | None
) -> None:
    keys = encode(documents, encoding=encoding)
    assert texts(keys) == documents
    assert is_complete({0: keys})
    assert list(keys)[-1] == MANIFEST_KEY


@settings(max_examples=25, deadline=None)
@given(DOCUMENTS, DOCUMENTS)
def test_any_text_comes_through_real_pool_files(
    first: dict[str, str], second: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        for documents in (first, second):
            there = read_pool_dir(name)[EXTERNAL]
            write_pool_files(name, {EXTERNAL: replace(there, documents)})
        assert texts(dict(read_pool_dir(name)[EXTERNAL])) == {**first, **second}


@given(DOCUMENTS, ENCODING)
def test_every_key_and_value_fits(
    documents: dict[str, str], encoding: str | dict[str, str] | None
) -> None:
    for key, value in encode(documents, encoding=encoding).items():
        assert len(key) <= 255
        assert len(value.encode("utf-16-le")) <= 2 * VALUE_UNITS
        assert len(value.encode()) <= VALUE_BYTES
        assert "\0" not in value


@given(DOCUMENTS, DOCUMENTS)
def test_setting_documents_again_keeps_the_others_and_leaves_nothing_stale(
    first: dict[str, str], second: dict[str, str]
) -> None:
    pool = replace(replace({"foreign": "stays"}, first), second)
    assert texts(pool) == {**first, **second}
    assert assemble({0: pool}).stale == ()
    assert pool["foreign"] == "stays"


def test_the_manifest_is_the_one_of_the_contract() -> None:
    keys = encode({USER_DATA: "#cloud-config\n"})
    assert json.loads(keys[MANIFEST_KEY]) == {
        "version": 1,
        "documents": {
            USER_DATA: {
                "chunks": 1,
                "sha256": "88c95955b024402aa9572b663f7eeb134f01343bb92af27b50e97e72b22c565f",
                "encoding": "",
            }
        },
    }


def test_all_five_documents_of_many_chunks_fit_one_manifest() -> None:
    documents = {name: bytes(range(32, 127)).decode() * 8000 for name in DOCUMENT_NAMES}
    encoding = dict.fromkeys(DOCUMENT_NAMES, "base64")
    assert len(encode(documents, encoding=encoding)[MANIFEST_KEY]) <= VALUE_UNITS


def test_an_ignition_config_stays_readable_for_ignition() -> None:
    config = CONFIG + " " * 5000
    keys = encode({IGNITION: config}, encoding="gzip+base64")
    assert "".join(keys[f"{IGNITION}.{number}"] for number in range(5)) == config


@pytest.mark.parametrize("text", ["#cloud-config\n", "é\t" * 511, "€" * 682, "x" * 1023])
def test_what_fits_one_value_stays_readable(text: str) -> None:
    assert encode({USER_DATA: text})[f"{USER_DATA}.0"] == text


@pytest.mark.parametrize(
    "text",
    ["a\r\nb", "a\0b", "\x1b[0m", "\ufffe", " \n", "x" * 1024, "€" * 683, "\U0001f600" * 512],
)
def test_what_xml_changes_and_what_is_long_is_wrapped(text: str) -> None:
    keys = encode({USER_DATA: text})
    assert json.loads(keys[MANIFEST_KEY])["documents"][USER_DATA]["encoding"] == "gzip+base64"
    assert texts(keys) == {USER_DATA: text}


def test_a_compressed_file_is_a_document_too() -> None:
    assert texts(encode({USER_DATA: gzip.compress(b"#cloud-config\n")})) == {
        USER_DATA: "#cloud-config\n"
    }


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ({"cloud-init.userdata": "x"}, "'cloud-init.userdata' is no document"),
        ({IGNITION: ""}, "ignition.config: is empty"),
        ({USER_DATA: b""}, "is empty"),
        ({IGNITION: "{\0}"}, "ignition.config: character 2 is NUL"),
        ({USER_DATA: "\ud800"}, "character 1 is half"),
        ({USER_DATA: b"\xff\xfea"}, "not UTF-8: byte 1 is 0xff"),
        ({USER_DATA: gzip.compress(b"\xff")}, "not UTF-8"),
        ({USER_DATA: gzip.compress(b"x" * 50)[:-3]}, "ends early"),
        ({IGNITION: gzip.compress(CONFIG.encode())}, "not UTF-8"),
    ],
)
def test_what_could_not_come_out_is_refused(
    documents: dict[str, str | bytes], message: str
) -> None:
    with pytest.raises(DocumentError, match=message):
        encode(documents)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(DocumentError, match="unknown encoding 'zip'"):
        encode({USER_DATA: "x"}, encoding="zip")


class TestReplace:
    def test_chunks_of_a_longer_predecessor_go(self) -> None:
        pool = replace(encode({IGNITION: CONFIG + " " * 9000}), {IGNITION: CONFIG})
        assert list(pool) == [f"{IGNITION}.0", MANIFEST_KEY]

    def test_keys_set_by_hand_go_with_their_document(self) -> None:
        pool = replace({IGNITION: "old", f"{IGNITION}.encoding": "", "x": "y"}, {IGNITION: CONFIG})
        assert list(pool) == ["x", f"{IGNITION}.0", MANIFEST_KEY]

    def test_another_document_set_by_hand_enters_the_manifest(self) -> None:
        pool = replace(
            {USER_DATA: "Iw==", f"{USER_DATA}.encoding": "b64", VENDOR_DATA: "v"}, {META_DATA: "m"}
        )
        assert texts(pool) == {USER_DATA: "#", VENDOR_DATA: "v", META_DATA: "m"}
        assert USER_DATA in pool

    def test_a_document_can_be_removed(self) -> None:
        pool = encode({IGNITION: CONFIG, USER_DATA: "u"})
        assert texts(replace(pool, {}, remove=[IGNITION])) == {USER_DATA: "u"}

    def test_without_documents_no_manifest_is_left(self) -> None:
        assert replace({"x": "y", **encode({USER_DATA: "u"})}, {}, remove=[USER_DATA]) == {"x": "y"}

    def test_a_damaged_document_that_would_stay_is_refused(self) -> None:
        pool = encode({IGNITION: CONFIG + " " * 2000, USER_DATA: "u"})
        del pool[f"{IGNITION}.1"]
        with pytest.raises(DocumentError, match=r"missing: ignition\.config\.1; set or remove"):
            replace(pool, {USER_DATA: "new"})
        assert texts(replace(pool, {IGNITION: CONFIG})) == {IGNITION: CONFIG, USER_DATA: "u"}
        assert texts(replace(pool, {}, remove=[IGNITION])) == {USER_DATA: "u"}

    def test_a_damaged_manifest_is_overcome_by_setting_all_that_is_there(self) -> None:
        pool = {**encode({IGNITION: CONFIG, USER_DATA: "u"}), MANIFEST_KEY: "{"}
        with pytest.raises(DocumentError, match="not JSON"):
            replace(pool, {USER_DATA: "new"})
        assert texts(replace(pool, {USER_DATA: "new"}, remove=[IGNITION])) == {USER_DATA: "new"}
