"""Encodings: cloud-init's spellings, gzip wherever it is found, and every way to be damaged."""

from __future__ import annotations

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.payload.encoding import (
    BASE64,
    ENCODINGS,
    GZIP_BASE64,
    PLAIN,
    canonical,
    decode,
    wrap,
)

TEXT = "#cloud-config\nhostname: größe\n"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("spelling", "encoding"),
    [
        ("", PLAIN),
        ("text/plain", PLAIN),
        ("base64", BASE64),
        ("b64", BASE64),
        ("B64 ", BASE64),
        ("gz", GZIP_BASE64),
        ("gzip", GZIP_BASE64),
        ("gz+b64", GZIP_BASE64),
        ("gz+base64", GZIP_BASE64),
        ("gzip+b64", GZIP_BASE64),
        ("Gzip+Base64\n", GZIP_BASE64),
    ],
)
def test_every_spelling_of_cloud_init_is_known(spelling: str, encoding: str) -> None:
    assert canonical(spelling) == encoding


def test_another_spelling_is_refused_by_its_name() -> None:
    with pytest.raises(DocumentError, match="unknown encoding 'rot13'"):
        canonical("rot13")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(ENCODINGS))
def test_what_is_wrapped_and_decoded_is_the_same(text: str, encoding: str) -> None:
    assert decode(wrap(text.encode(), encoding), encoding) == text


def test_gzip_is_decompressed_also_where_only_base64_was_announced() -> None:
    assert decode(b64(gzip.compress(TEXT.encode())), BASE64) == TEXT


def test_gzip_of_several_members_and_with_padding_is_read_whole() -> None:
    data = gzip.compress(b"a: 1\n") + gzip.compress(b"b: 2\n") + bytes(32)
    assert decode(b64(data), GZIP_BASE64) == "a: 1\nb: 2\n"


def test_base64_may_have_line_breaks() -> None:
    assert decode(base64.encodebytes(TEXT.encode() * 9).decode(), BASE64) == TEXT * 9


def test_the_same_text_is_always_wrapped_the_same() -> None:
    assert wrap(TEXT.encode(), GZIP_BASE64) == wrap(TEXT.encode(), GZIP_BASE64)


def test_a_bomb_is_refused_without_being_decompressed() -> None:
    with pytest.raises(DocumentError, match="more than 1000000 bytes when decompressed"):
        decode(b64(gzip.compress(bytes(50_000_000))), GZIP_BASE64, limit=1_000_000)


def test_a_bomb_of_many_small_members_is_refused() -> None:
    with pytest.raises(DocumentError, match="more than 100000 bytes"):
        decode(b64(gzip.compress(b"x" * 600) * 400), GZIP_BASE64, limit=100_000)


def test_a_text_may_fill_the_limit_exactly() -> None:
    assert len(decode(b64(gzip.compress(b"x" * 1000)), GZIP_BASE64, limit=1000)) == 1000


@pytest.mark.parametrize(
    ("text", "encoding", "message"),
    [
        ("not base64!", BASE64, "not base64"),
        ("QUJ", BASE64, "not base64"),
        ("QQ==QUJD", BASE64, "not base64"),
        ("größe+==", BASE64, "not base64"),
        (b64(b"plain"), GZIP_BASE64, "does not begin like gzip"),
        (b64(gzip.compress(b"x" * 99, mtime=0)[:-9]), GZIP_BASE64, "ends early"),
        (b64(gzip.compress(b"x" * 99, mtime=0)[:-8] + bytes(8)), GZIP_BASE64, "gzip is damaged"),
        (b64(gzip.compress(b"x" * 99, mtime=0) + b"old"), GZIP_BASE64, "3 bytes follow the end"),
        (b64(b"a\xffb"), BASE64, "not UTF-8: byte 2 is 0xff"),
        (b64(gzip.compress(b"\xe4", mtime=0)), GZIP_BASE64, "not UTF-8: byte 1 is 0xe4"),
        ("ab\udcff", PLAIN, "not UTF-8: byte 3 is 0xff"),
    ],
)
def test_damage_is_named(text: str, encoding: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as caught:
        decode(text, encoding)
    assert caught.value.advice
