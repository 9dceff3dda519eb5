"""Which URL goes through which proxy: the rules of Go's httpproxy package."""

from __future__ import annotations

import pytest

from datasource_hyperv_kvp.ignition.config import Proxy
from datasource_hyperv_kvp.ignition.resources.proxies import choose

HTTP, HTTPS = "http://plain.proxy:3128", "https://secure.proxy:3129"


def proxied(url: str, *no_proxy: str) -> bool:
    return choose(url, Proxy(HTTP, HTTPS, no_proxy)) is not None


def test_the_scheme_chooses() -> None:
    proxy = Proxy(HTTP, HTTPS)
    assert choose("http://example.org/", proxy) == HTTP
    assert choose("https://example.org/", proxy) == HTTPS
    assert choose("https://example.org/", Proxy(http_proxy=HTTP)) is None
    assert choose("http://example.org/", Proxy()) is None


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:80", "127.0.0.1", "127.9.9.9:8080", "[::1]", "[::ffff:127.0.0.1]"],
)
def test_loopback_is_never_proxied(host: str) -> None:
    assert not proxied(f"http://{host}/")


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org", "Example.ORG"),
        ("a.example.org", "example.org"),
        ("a.example.org", ".example.org"),
        ("a.b.example.org", "*.example.org"),
        ("example.org:80", "example.org"),
        ("example.org", "example.org:80"),
        ("example.org:8080", "example.org:8080"),
        ("example.org", " example.org "),
        ("example.org", "other.org,example.org"),
        ("anything", "*"),
        ("10.0.0.1", "*"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.9.9.9/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:8080", "10.1.2.3:8080"),
        ("[fd00::1]", "fd00::/8"),
        ("[fd00::1]", "fd00::1"),
        ("[fd00::1]", "[fd00::1]"),
        ("[fd00::1]:81", "[fd00::1]:81"),
        ("[::ffff:10.1.2.3]", "10.0.0.0/8"),
        ("bücher.example", "bücher.example"),
    ],
)
def test_no_proxy_covers(host: str, entry: str) -> None:
    assert not proxied(f"http://{host}/", entry)
    assert not proxied(f"http://{host}/", "first.test", entry)


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("example.org", ".example.org"),
        ("example.org", "*.example.org"),
        ("badexample.org", "example.org"),
        ("example.org.evil", "example.org"),
        ("example.org:81", "example.org:80"),
        ("example.org", "a.example.org"),
        ("example.org", ""),
        ("example.org", ":80"),
        ("10.1.2.3", "10.0.0.0/255.0.0.0"),
        ("10.1.2.3", "10.0.0.0/33"),
        ("10.1.2.3", "2.3"),
        ("11.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3:81", "10.1.2.3:80"),
        ("[fd00::1]:81", "[fd00::1]:80"),
        ("example.org", "10.0.0.0/8"),
    ],
)
def test_no_proxy_does_not_cover(host: str, entry: str) -> None:
    assert proxied(f"http://{host}/", entry)


def test_a_proxy_without_scheme_is_one_for_http() -> None:
    assert choose("https://a.org/", Proxy(https_proxy="proxy:3128")) == "http://proxy:3128"
