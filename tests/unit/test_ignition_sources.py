"""Where bytes come from: URLs, data URLs, hashes, headers, compression, proxies, other configs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.ignition import data_url
from tests.unit.ignition_configs import errors, file, result, source, warnings

SOURCE = "$.storage.files.0.contents.source"
SHA512 = "sha512-" + "0" * 128


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,", b""),
        ("data:,hello", b"hello"),
        ("data:,a%20b%0a", b"a b\n"),
        ("data:,a+b?c=d", b"a+b?c=d"),
        ("data:,%ff", b"\xff"),
        ("data:,a,b;c", b"a,b;c"),
        ("data:;base64,", b""),
        ("data:;base64,aGVsbG8=", b"hello"),
        ("data:;base64,AB==", b"\x00"),
        ("data:text/plain;charset=utf-8;base64,Zm9v", b"foo"),
        ("data:text/,x", b"x"),
        ("data:textual/x,y", b"y"),
        ("data:multipart/x;a=b;c=d,e", b"e"),
        ("data:x-a/b,x", b"x"),
        ("data:X-/,x", b"x"),
        ("data:;a=%41,x", b"x"),
        ('data:;a="b\\"c\\u00e4",x', b"x"),
        ('data:;a="",x', b"x"),
        # The quotes around nothing count for the value that follows.
        ('data:;a="";b=%zz,x', b"x"),
        ("data:;base64=x,AAAA", b"AAAA"),
        ("data:text/pl#ain,x", b"x"),
    ],
)
def test_data_urls_that_ignition_reads(url: str, data: bytes) -> None:
    assert data_url.decode(url) == data
    assert errors(source(url)) == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "data:",
            "data:x",
            "DATA:,x",
            "Data:,x",
            "data:text,x",
            "data:/plain,x",
            "data:foo/bar,x",
        ),
        *(
            "data:;base64,A",
            "data:;base64,AAA",
            "data:;base64,A===",
            "data:;base64,AAAA=",
            "data:;base64,====",
        ),
        *(
            "data:;base64,AA=A",
            "data:;base64,AA A",
            "data:;base64,AAAA\n",
            "data:;base64,-_-_",
            "data:;base64,é",
        ),
        *(
            "data:;BASE64,AAAA",
            "data:;base64;a=b,AAAA",
            "data:;charset,x",
            "data:;=b,x",
            "data:;a=,x",
        ),
        *(
            "data:,a b",
            "data:,é",
            "data:,a\tb",
            "data:,%",
            "data:,%4",
            "data:,%zz",
            'data:,"',
            "data:,#",
        ),
        *(
            "data:,<",
            "data:,>",
            "data:,[",
            "data:,]",
            "data:,{",
            "data:,}",
            "data:,|",
            "data:,\\",
            "data:,^",
            "data:,`",
        ),
        *(
            "data:;a=%zz,x",
            'data:;a="\\q",x',
            'data:;a="\\ud800",x',
            'data:;a="x,y',
            'data:;a="\n",x',
        ),
        *("data:;a=b c,x", "data: text/plain,x", "data:text/pl#%zz,x", 'data:;a="";b="\\q",x'),
    ],
)
def test_data_urls_that_ignition_refuses(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        data_url.decode(url)
    assert errors(source(url)) == [SOURCE]


@given(data=st.binary(max_size=200))
def test_base64_data_urls_give_back_what_went_in(data: bytes) -> None:
    url = "data:;base64," + base64.b64encode(data).decode()
    assert data_url.decode(url) == data


@given(data=st.binary(max_size=200))
def test_escaped_data_urls_give_back_what_went_in(data: bytes) -> None:
    assert data_url.decode("data:," + "".join(f"%{byte:02x}" for byte in data)) == data


@given(url=st.text(max_size=20))
def test_checking_and_decoding_a_data_url_agree(url: str) -> None:
    def refuses(function: Any) -> bool:
        try:
            function("data:" + url)
        except ValueError:
            return True
        return False

    assert refuses(data_url.check) == refuses(data_url.decode)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "http://h",
            "HTTPS://h/ä",
            "https://user:pa%20ss@h:8080/x?y=z#f",
            "http:x",
            "http:/x",
            "http://",
        ),
        *(
            "http://h:/",
            "http://h%c3%a4/",
            "http://hä/",
            "http://[::1]:80/",
            "http://[fe80::1%25eth0]/",
        ),
        *(
            "http://u:p:q@h/",
            "http://u@v@h/",
            "tftp://h/f",
            "s3://b/k?versionId=x",
            "gs://b/o",
            "http://h?%zz",
        ),
        *(
            "arn:aws:s3:::b/k",
            "ARN:aws:s3:::b/k",
            "arn:aws:s3:r:1:accesspoint/a/object/k",
            "s3://b/k?versionId=;",
        ),
    ],
)
def test_urls_that_ignition_fetches(url: str) -> None:
    assert errors(source(url)) == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "x",
            "/x",
            "//h/x",
            "ftp://h",
            "file:///x",
            "oem:///x",
            "://h",
            ":",
            "a/b",
            "a:b/c",
            "1a://h",
            "*",
        ),
        *(
            "http://h:x/",
            "http://h h/",
            "http://h%41/",
            "http://h^/",
            "http://h\\x/",
            "http://[::1",
            "http://[::1]x",
        ),
        *(
            "http://[1.2.3.4]/",
            "http://[::g]/",
            "http://a[::1]/",
            "http://[::1%e]/",
            "http://[::1%25]/",
        ),
        *(
            "http://u u@h/",
            "http://u%zz@h/",
            "http://ü@h/",
            "http://h/%zz",
            "http://h/\n",
            "http://h/\x7f",
            "http://h/#%zz",
        ),
        *("s3://b/k?versionId=", "s3://b/k?versionId", "s3://b/k?version%49d=&versionId=x"),
        *(
            "arn:aws:s3:::b",
            "arn:aws:s3:x",
            "arn:aws:ec2:::b/k",
            "arn:aws:s3:::accesspoint/a",
            "arn:/x",
        ),
        "arn:aws:s3:::b/k?versionId=",
    ],
)
def test_urls_that_ignition_refuses(url: str) -> None:
    assert errors(source(url)) == [SOURCE]


@pytest.mark.parametrize("value", [SHA512, "sha256-" + "z" * 64])
def test_hashes_name_a_function_and_have_its_length(value: str) -> None:
    assert errors(file(contents={"source": "data:,", "verification": {"hash": value}})) == []


@pytest.mark.parametrize(
    "value",
    ["", "sha512", "sha512-", SHA512 + "0", "sha1-" + "0" * 40, "SHA512-" + "0" * 128, "0" * 128],
)
def test_other_hashes_are_errors(value: str) -> None:
    parts = file(contents={"source": "data:,", "verification": {"hash": value}})
    assert errors(parts) == ["$.storage.files.0.contents.verification.hash"]


def test_a_hash_needs_a_source() -> None:
    path = "$.storage.files.0.contents.verification.hash"
    assert errors(file(contents={"verification": {"hash": SHA512}})) == [path]
    assert errors(file(contents={"source": "", "verification": {"hash": SHA512}})) == []


@pytest.mark.parametrize(
    ("value", "valid"), [("gzip", True), ("", True), ("GZIP", False), ("xz", False)]
)
def test_compression_is_gzip_or_nothing(value: str, valid: bool) -> None:
    expected = [] if valid else ["$.storage.files.0.contents.compression"]
    assert errors(file(contents={"source": "data:,", "compression": value})) == expected


@pytest.mark.parametrize("url", ["data:,", "tftp://h/f", "s3://b/k", "", None])
def test_headers_are_for_http_alone(url: str | None) -> None:
    contents = {"source": url, "httpHeaders": [{"name": "a", "value": "b"}]}
    assert errors(file(contents=contents)) == ["$.storage.files.0.contents.httpHeaders"]


def test_headers_have_a_name_and_no_empty_value() -> None:
    headers = [{"name": "", "value": "x"}, {"name": "a", "value": ""}, {"name": "b"}]
    assert errors(file(contents={"source": "http://h", "httpHeaders": headers})) == [
        "$.storage.files.0.contents.httpHeaders.0.name",
        "$.storage.files.0.contents.httpHeaders.1.value",
    ]


def test_headers_differ_in_name_by_case_too() -> None:
    headers = [{"name": "a"}, {"name": "A"}, {"name": "a"}]
    assert errors(file(contents={"source": "http://h", "httpHeaders": headers})) == [
        "$.storage.files.0.contents.httpHeaders.2"
    ]


def test_overwriting_needs_contents() -> None:
    assert errors(file(overwrite=True)) == ["$.storage.files.0.overwrite"]
    assert errors(file(overwrite=True, contents={"source": ""})) == []


@pytest.mark.parametrize("item", [{}, None, {"source": None}, {"compression": "gzip"}])
def test_there_must_be_something_to_append(item: Any) -> None:
    assert errors(file(append=[item])) == ["$.storage.files.0.append.0"]


def test_appending_the_same_twice_is_right() -> None:
    assert errors(file(append=[{"source": "data:,a"}, {"source": "data:,a"}])) == []


@pytest.mark.parametrize("url", ["", None])
def test_a_config_to_merge_needs_a_source_from_3_1_on(url: str | None) -> None:
    parts = {"ignition": {"config": {"merge": [{"source": url}], "replace": {"source": url}}}}
    assert errors(parts, 0) == []
    assert errors(parts, 1) == ["$.ignition.config.merge.0"]


def test_a_wrong_source_of_a_config_to_merge_is_said_twice() -> None:
    parts = {"ignition": {"config": {"merge": [{"source": "x"}]}}}
    assert errors(parts) == ["$.ignition.config.merge.0", "$.ignition.config.merge.0.source"]


def test_authorities_need_a_source() -> None:
    parts: dict[str, Any] = {"ignition": {"security": {"tls": {"certificateAuthorities": [{}]}}}}
    path = "$.ignition.security.tls.certificateAuthorities.0"
    assert errors(parts, 0) == [f"{path}.source"]
    assert errors(parts, 1) == [path]


def test_configs_and_authorities_differ_in_source() -> None:
    twice = [{"source": "http://a"}, {"source": "http://a"}]
    parts = {
        "ignition": {
            "config": {"merge": twice},
            "security": {"tls": {"certificateAuthorities": twice}},
        }
    }
    assert errors(parts) == [
        "$.ignition.config.merge.1",
        "$.ignition.security.tls.certificateAuthorities.1",
    ]


@pytest.mark.parametrize("url", ["", "p", "ftp://p", "http://p:x", "socks5://p"])
def test_proxies_are_http_or_https(url: str) -> None:
    parts = {"ignition": {"proxy": {"httpProxy": url, "httpsProxy": url}}}
    assert errors(parts) == ["$.ignition.proxy.httpProxy", "$.ignition.proxy.httpsProxy"]


def test_a_plain_text_proxy_for_https_is_a_warning() -> None:
    parts = {"ignition": {"proxy": {"httpProxy": "http://p", "httpsProxy": "http://p"}}}
    assert warnings(parts) == ["$.ignition.proxy.httpsProxy"]


def test_hosts_without_proxy_differ() -> None:
    assert errors({"ignition": {"proxy": {"noProxy": ["a", "b", "a"]}}}) == [
        "$.ignition.proxy.noProxy.2"
    ]


def test_every_finding_says_what_to_write() -> None:
    (error,) = result(source("data:foo/bar,x")).errors
    assert "data:;base64,DATA" in error.message
    (error,) = result(source("http://h:x/")).errors
    assert "port" in error.message
