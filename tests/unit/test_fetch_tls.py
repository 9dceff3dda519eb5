"""HTTPS with an authority of our own, and proxies of every kind, against real servers."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition.config import IgnitionSection, Proxy, Resource
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits
from tests.servers import web

PATIENT = Limits(answer=30, headers=30, first_pause=0.01)
#: Leaves no time for a second attempt.
ONCE = Limits(answer=30, first_pause=60)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def https(authority: trustme.CA, name: str = "127.0.0.1") -> Iterator[web.Web]:
    with web.web_server({"/a": web.answer(200, b"secure")}, tls=context(authority, name)) as server:
        yield server


def context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(tls)
    return tls


@contextmanager
def through_proxy(origin: web.Web, tls: ssl.SSLContext | None = None) -> Iterator[web.Web]:
    with web.proxy_server(("127.0.0.1", origin.port), tls=tls) as proxy:
        yield proxy


def embedded(pem: bytes) -> Resource:
    return Resource(source=f"data:;base64,{base64.b64encode(pem).decode()}")


def section(*bundles: bytes, proxy: Proxy = Proxy()) -> IgnitionSection:  # noqa: B008 - frozen
    return IgnitionSection(
        certificate_authorities=tuple(embedded(bundle) for bundle in bundles), proxy=proxy
    )


def trusting(
    authority: trustme.CA,
    proxy: Proxy = Proxy(),  # noqa: B008 - frozen
    limits: Limits = PATIENT,
) -> Fetcher:
    fetcher = Fetcher(limits=limits)
    fetcher.configure(section(authority.cert_pem.bytes(), proxy=proxy))
    return fetcher


def read(fetcher: Fetcher, url: str) -> bytes:
    return fetcher.read(Resource(source=url))


def test_a_server_of_an_unknown_authority_is_refused_but_tried_again(
    authority: trustme.CA,
) -> None:
    # The clock of a machine that boots may be wrong at first, and so may the certificate be.
    with https(authority) as server:
        with pytest.raises(ConfigError, match=r"the server's certificate is not trusted") as error:
            read(Fetcher(limits=ONCE), f"{server.url}/a")
        assert "(attempt 1; out of time" in str(error.value)
        assert server.requests == []


def test_the_configs_authority_is_trusted(authority: trustme.CA) -> None:
    with https(authority) as server:
        assert read(trusting(authority), f"{server.url}/a") == b"secure"


def test_a_certificate_for_another_name_is_refused(authority: trustme.CA) -> None:
    with https(authority, "other.test") as server, pytest.raises(ConfigError, match="not trusted"):
        read(trusting(authority, limits=ONCE), f"{server.url}/a")


def test_a_bundle_may_hold_several_authorities_and_text(authority: trustme.CA) -> None:
    bundle = b"# ours\n" + trustme.CA().cert_pem.bytes() + b"\n" + authority.cert_pem.bytes()
    fetcher = Fetcher(limits=PATIENT)
    fetcher.configure(section(bundle))
    with https(authority) as server:
        assert read(fetcher, f"{server.url}/a") == b"secure"


def test_an_intermediate_authority_alone_is_an_anchor(authority: trustme.CA) -> None:
    intermediate = authority.create_child_ca()
    fetcher = Fetcher(limits=PATIENT)
    fetcher.configure(section(intermediate.cert_pem.bytes()))
    with https(intermediate) as server:
        assert read(fetcher, f"{server.url}/a") == b"secure"


def test_a_later_config_without_authorities_keeps_those_loaded(authority: trustme.CA) -> None:
    fetcher = trusting(authority)
    fetcher.configure(IgnitionSection())
    with https(authority) as server:
        assert read(fetcher, f"{server.url}/a") == b"secure"


def test_a_later_config_with_others_replaces_them(authority: trustme.CA) -> None:
    fetcher = trusting(authority, limits=ONCE)
    fetcher.configure(section(trustme.CA().cert_pem.bytes()))
    with https(authority) as server, pytest.raises(ConfigError, match="not trusted"):
        read(fetcher, f"{server.url}/a")


def test_an_authority_is_fetched_once(authority: trustme.CA) -> None:
    bundle = web.answer(200, authority.cert_pem.bytes())
    with web.web_server({"/ca": bundle}) as plain, https(authority) as server:
        settings = IgnitionSection(certificate_authorities=(Resource(f"{plain.url}/ca"),))
        fetcher = Fetcher(limits=PATIENT)
        fetcher.configure(settings)
        fetcher.configure(settings)
        assert read(fetcher, f"{server.url}/a") == b"secure"
        assert plain.paths() == ["/ca"]


@pytest.mark.parametrize("bundle", [b"", b"text", b"-----BEGIN A-----\nAAAA\n-----END A-----\n"])
def test_a_bundle_that_is_none_is_refused_with_its_path(bundle: bytes) -> None:
    with pytest.raises(ConfigError, match="certificate") as error:
        Fetcher().configure(section(bundle))
    assert error.value.where == "$.ignition.security.tls.certificateAuthorities.0.source"


def test_http_goes_through_the_proxy_for_http() -> None:
    content = {"/a": web.answer(200, b"content")}
    with web.web_server(content) as origin, through_proxy(origin) as proxy:
        fetcher = Fetcher(limits=PATIENT, proxy=Proxy(http_proxy=proxy.url))
        assert read(fetcher, "http://origin.test/a") == b"content"
        assert proxy.requests[0][:2] == ("GET", "http://origin.test/a")
        assert "Proxy-Authorization" not in proxy.requests[0][2]


def test_https_goes_through_the_proxy_for_https_by_connect(authority: trustme.CA) -> None:
    with https(authority, "origin.test") as origin, through_proxy(origin) as proxy:
        through = Proxy(http_proxy="http://127.0.0.1:1", https_proxy=proxy.url)
        assert read(trusting(authority, through), "https://origin.test/a") == b"secure"
        assert proxy.requests[0][:2] == ("CONNECT", "origin.test:443")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxy_itself_may_speak_tls(authority: trustme.CA, scheme: str) -> None:
    tls = context(authority, "origin.test") if scheme == "https" else None
    own = context(authority, "127.0.0.1")
    content = {"/a": web.answer(200, b"content")}
    with web.web_server(content, tls=tls) as origin, through_proxy(origin, own) as proxy:
        through = Proxy(http_proxy=proxy.url, https_proxy=proxy.url)
        assert read(trusting(authority, through), f"{scheme}://origin.test/a") == b"content"


def test_a_proxy_with_a_certificate_for_another_name_is_refused(authority: trustme.CA) -> None:
    wrong = context(authority, "other.test")
    with web.web_server() as origin, through_proxy(origin, wrong) as proxy:
        fetcher = trusting(authority, Proxy(http_proxy=proxy.url), ONCE)
        with pytest.raises(ConfigError, match="not trusted"):
            read(fetcher, "http://origin.test/a")
        assert proxy.requests == []


def test_the_proxys_credentials_go_to_the_proxy_only(authority: trustme.CA) -> None:
    with https(authority, "origin.test") as origin, through_proxy(origin) as proxy:
        url = proxy.url.replace("//", "//user:p%40ss@")
        fetcher = trusting(authority, Proxy(https_proxy=url))
        assert read(fetcher, "https://origin.test/a") == b"secure"
        assert proxy.requests[0][2]["Proxy-Authorization"] == "Basic dXNlcjpwQHNz"
        assert "Proxy-Authorization" not in origin.requests[0][2]


def test_loopback_is_never_proxied() -> None:
    with web.web_server({"/a": web.answer(200, b"direct")}) as origin:
        fetcher = Fetcher(limits=PATIENT, proxy=Proxy(http_proxy="http://127.0.0.1:1"))
        assert read(fetcher, f"{origin.url}/a") == b"direct"


def test_a_proxy_that_refuses_is_named(authority: trustme.CA) -> None:
    with web.proxy_server(("127.0.0.1", 1), refuse=502) as proxy:
        fetcher = trusting(authority, Proxy(https_proxy=proxy.url), ONCE)
        with pytest.raises(ConfigError, match="the proxy refused: 502 Bad Gateway"):
            read(fetcher, "https://origin.test/a")
