"""What becomes of the bytes: gzip, hashes, data: URLs, schemes, and what errors show."""

from __future__ import annotations

import gzip
import hashlib
import random

import pytest

from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition.config import Resource
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits, NeedsNetworkError
from datasource_hyperv_kvp.ignition.resources.codec import gunzip
from datasource_hyperv_kvp.ignition.resources.failure import FetchFailure, safe_url


def unpacked(data: bytes, step: int = 1000) -> bytes:
    pieces = (data[at : at + step] for at in range(0, len(data), step))
    return b"".join(gunzip(pieces))


@pytest.mark.parametrize("step", [1, 7, 100000])
def test_members_of_gzip_are_joined(step: int) -> None:
    data = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")
    assert unpacked(data, step) == b"one two"


def test_large_content_comes_in_small_pieces() -> None:
    content = bytes(5 << 20)
    pieces = list(gunzip([gzip.compress(content)]))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 256 << 10


def test_content_that_does_not_compress_survives() -> None:
    content = random.Random(1).randbytes(1 << 20)
    assert unpacked(gzip.compress(content)) == content


@pytest.mark.parametrize("trailing", [b"x", b"\0", b"\0" * 512, b"\x1f\x8b"])
@pytest.mark.parametrize("step", [1, 1000])
def test_anything_behind_a_member_is_an_error(trailing: bytes, step: int) -> None:
    with pytest.raises(FetchFailure):
        unpacked(gzip.compress(b"text") + trailing, step)


@pytest.mark.parametrize("cut", [0, 1, 9, 12, -8, -1])
def test_truncated_gzip_is_an_error(cut: int) -> None:
    with pytest.raises(FetchFailure, match="truncated"):
        unpacked(gzip.compress(b"some text")[:cut])


def test_damaged_gzip_is_an_error() -> None:
    data = bytearray(gzip.compress(b"some text"))
    data[-5] ^= 1
    with pytest.raises(FetchFailure, match="damaged"):
        unpacked(bytes(data))
    with pytest.raises(FetchFailure, match="no gzip data"):
        unpacked(b"plain text")


def test_data_urls_need_no_network() -> None:
    fetcher = Fetcher(offline=True)
    assert fetcher.read(Resource(source="data:,text%20here")) == b"text here"


def test_data_urls_are_decompressed_and_verified() -> None:
    digest = "sha512-" + hashlib.sha512(b"text").hexdigest()
    source = "data:," + "".join(f"%{byte:02x}" for byte in gzip.compress(b"text"))
    good = Resource(source, compression="gzip", verification_hash=digest)
    assert Fetcher(offline=True).read(good) == b"text"
    bad = Resource("data:,other", verification_hash=digest)
    with pytest.raises(ConfigError, match="the content's hash is sha512-") as error:
        Fetcher(offline=True).read(bad, where="$.here")
    assert "other" not in str(error.value)


@pytest.mark.parametrize("source", ["http://a/", "https://a/", "tftp://a/", "s3://a/b", "gs://a/b"])
def test_offline_nothing_else_is_fetched(source: str) -> None:
    with pytest.raises(NeedsNetworkError, match="the network is needed") as error:
        Fetcher(offline=True).read(Resource(source=source), where="$.here")
    assert error.value.where == "$.here"


@pytest.mark.parametrize("source", [None, ""])
def test_no_source_is_no_content(source: str | None) -> None:
    assert Fetcher(offline=True).read(Resource(source=source)) == b""


@pytest.mark.parametrize(
    "source", ["ftp://a/b", "http://[::1/", "http://a:99999/", "tftp://a:x/", "http:///a", "http:a"]
)
def test_urls_that_cannot_be_fetched_are_refused_at_once(source: str) -> None:
    with pytest.raises(ConfigError, match="cannot fetch"):
        Fetcher(limits=Limits(answer=0.5)).read(Resource(source=source))


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (Resource("data:,x", compression="xz"), "compression 'xz' is unknown"),
        (Resource("data:,x", verification_hash="md5-00"), "the hash function 'md5' is unknown"),
    ],
)
def test_unknown_kinds_are_refused(resource: Resource, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Fetcher(offline=True).read(resource)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@host:1/path?query#fragment", "https://host:1/path?…"),
        ("https://host/path#fragment", "https://host/path"),
        ("https://a@b@host/p@th", "https://host/p@th"),
        ("data:text/plain,secret", "data:…"),
        ("arn:aws:s3:::bucket/key?versionId=1", "arn:aws:s3:::bucket/key?…"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert safe_url(url) == shown
