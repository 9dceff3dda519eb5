"""HTTP: statuses, retries, time limits, redirects, headers, against a real server."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition.config import HTTPHeader, Resource, Timeouts
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits
from tests.servers import web

#: Quick to try again, but patient with a machine that has much else to do.
PATIENT = Limits(answer=30, stall=30, headers=30, first_pause=0.01, longest_pause=0.04)


def fetch(url: str, **fields: object) -> bytes:
    timeouts = fields.pop("timeouts", Timeouts())
    limits = fields.pop("limits", PATIENT)
    assert isinstance(timeouts, Timeouts)
    assert isinstance(limits, Limits)
    fetcher = Fetcher(limits=limits, timeouts=timeouts)
    try:
        return fetcher.read(Resource(source=url, **fields), where="$.here")  # type: ignore[arg-type]
    finally:
        fetcher.close()


def refused(url: str, **fields: object) -> str:
    with pytest.raises(ConfigError) as caught:
        fetch(url, **fields)
    return str(caught.value)


def test_the_body_of_status_200_is_the_content() -> None:
    with web.web_server({"/a": web.answer(200, b"content")}) as server:
        assert fetch(f"{server.url}/a") == b"content"


def test_status_204_is_empty_content() -> None:
    with web.web_server({"/a": web.answer(204)}) as server:
        assert fetch(f"{server.url}/a") == b""


@pytest.mark.parametrize("status", [201, 206, 300, 304, 400, 401, 403, 404, 410, 429])
def test_every_other_status_below_500_fails_at_once(status: int) -> None:
    with web.web_server({"/a": web.answer(status, b"x" if status != 304 else b"")}) as server:
        assert f"the server answered {status}" in refused(f"{server.url}/a")
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_status_500_and_above_is_tried_again(status: int) -> None:
    bad = web.answer(status, b"not now")
    with web.web_server({"/a": web.in_turn(bad, bad, web.answer(200, b"now"))}) as server:
        assert fetch(f"{server.url}/a") == b"now"
        assert len(server.requests) == 3


def test_a_server_that_never_recovers_is_given_up_within_the_bound() -> None:
    now = 0.0

    def later(_: str) -> None:
        nonlocal now
        now += 120

    with web.web_server({"/a": web.answer(503)}) as server:
        limits = Limits(answer=300, first_pause=0.01)
        fetcher = Fetcher(limits=limits, clock=lambda: now, log=later)
        with pytest.raises(ConfigError) as caught:
            fetcher.read(Resource(f"{server.url}/a"))
        assert (
            "the server answered 503 Service Unavailable "
            "(attempt 3; out of time (no answer within 300 s))"
        ) in str(caught.value)
        assert len(server.requests) == 3


def test_pauses_double_up_to_a_bound() -> None:
    told: list[str] = []
    recovered = [web.answer(500)] * 6 + [web.answer(200)]
    with web.web_server({"/a": web.in_turn(*recovered)}) as server:
        limits = Limits(first_pause=0.001, longest_pause=0.008)
        Fetcher(limits=limits, log=told.append).read(Resource(f"{server.url}/a"))
    pauses = [line.rpartition(" in ")[2] for line in told]
    assert pauses == ["0.001 s", "0.002 s", "0.004 s", "0.008 s", "0.008 s", "0.008 s"]


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(fetch(f"http://127.0.0.1:{port}/a")))
    thread.start()
    threading.Event().wait(0.2)
    with web.web_server({"/a": web.answer(200, b"late")}, port=port):
        thread.join()
    assert got == [b"late"]


def test_a_refused_connection_is_named_as_such() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    limits = Limits(answer=30, first_pause=60)
    assert "connection refused" in refused(f"http://127.0.0.1:{port}/a", limits=limits)


def test_a_host_name_without_an_address_is_named_as_such() -> None:
    limits = Limits(answer=30, first_pause=60)
    message = refused("http://no-such-host.invalid/a", limits=limits)
    assert "the host name cannot be resolved" in message or "no answer in time" in message


@pytest.mark.parametrize("stall", [web.stall_in_headers, web.drip_in_headers])
def test_headers_that_do_not_come_are_asked_for_again(stall: web.Action) -> None:
    limits = Limits(connect=0.2, handshake=0.2, headers=0.3, first_pause=0.01)
    with web.web_server({"/a": web.in_turn(stall, web.answer(200, b"now"))}) as server:
        assert fetch(f"{server.url}/a", limits=limits) == b"now"
        assert len(server.requests) >= 2


def test_the_config_says_how_long_headers_may_take() -> None:
    with web.web_server(
        {"/a": web.in_turn(web.stall_in_headers, web.answer(200, b"now"))}
    ) as server:
        patient = Limits(headers=60, first_pause=0.01)
        short = Timeouts(http_response_headers=1)
        assert fetch(f"{server.url}/a", limits=patient, timeouts=short) == b"now"


def test_a_body_that_stalls_fails_without_a_second_attempt() -> None:
    with web.web_server({"/a": web.stall_in_body}) as server:
        message = refused(f"{server.url}/a", limits=Limits(stall=0.3))
        assert "the transfer stalled for 0.3 s" in message
        assert len(server.requests) == 1


def test_a_body_may_pause_longer_than_headers_may() -> None:
    limits = Limits(headers=0.1, stall=5.0)
    with web.web_server({"/a": web.drip_in_body(3, 0.2)}) as server:
        assert fetch(f"{server.url}/a", limits=limits) == b"xxx"


def test_the_total_time_counts_retries_and_body_for_each_resource() -> None:
    slow = web.drip_in_body(1000, 0.05)
    with web.web_server({"/a": web.in_turn(web.answer(500), slow)}) as server:
        message = refused(f"{server.url}/a", timeouts=Timeouts(http_total=1))
        assert "out of time (ignition.timeouts.httpTotal is 1 s)" in message
        assert len(server.requests) == 2


def test_without_a_total_time_our_own_bound_holds() -> None:
    limits = Limits(total=0.3, stall=5.0)
    with web.web_server({"/a": web.drip_in_body(1000, 0.05)}) as server:
        for total in (None, 0):
            message = refused(f"{server.url}/a", limits=limits, timeouts=Timeouts(http_total=total))
            assert "not complete within 0.3 s" in message


@pytest.mark.parametrize("broken", [web.truncate(b"some", 10), web.truncate_chunked(b"some")])
def test_a_truncated_body_fails_at_once(broken: web.Action) -> None:
    with web.web_server({"/a": broken}) as server:
        message = refused(f"{server.url}/a")
        assert "truncated" in message or "broke off" in message
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_without_the_headers(status: int) -> None:
    header = HTTPHeader("X-Token", "secret")
    there = {"/b": web.answer(200, b"there")}
    with web.web_server(there) as other, web.web_server() as server:
        server.routes["/a"] = web.redirect(f"{other.url}/b", status)
        assert fetch(f"{server.url}/a", http_headers=(header,)) == b"there"
        first, second = server.requests[0][2], other.requests[0][2]
    assert first["X-Token"] == "secret"
    assert "X-Token" not in second
    assert "ignition" in first["Accept"]
    assert "Accept" not in second


def test_a_relative_redirect_stays_on_its_server() -> None:
    routes = {"/d/a": web.redirect("../b"), "/b": web.answer(200, b"there")}
    with web.web_server(routes) as server:
        assert fetch(f"{server.url}/d/a") == b"there"


def test_redirects_in_a_circle_end() -> None:
    with web.web_server({"/a": web.redirect("/a")}) as server:
        assert "redirected more than 20 times" in refused(f"{server.url}/a")


def test_a_redirect_to_another_scheme_is_refused() -> None:
    with web.web_server({"/a": web.redirect("file:///etc/shadow")}) as server:
        assert "neither http nor https" in refused(f"{server.url}/a")


def test_a_redirect_that_leads_nowhere_fails() -> None:
    with web.web_server({"/a": web.answer(302)}) as server:
        assert "the server answered 302 Found" in refused(f"{server.url}/a")


def test_an_encoded_body_stays_encoded_but_not_behind_a_redirect() -> None:
    packed = gzip.compress(b"text")
    routes = {
        "/a": web.answer(200, packed, {"Content-Encoding": "gzip"}),
        "/b": web.redirect("/a"),
    }
    with web.web_server(routes) as server:
        assert fetch(f"{server.url}/a") == packed
        assert fetch(f"{server.url}/b") == b"text"


def test_what_is_asked_for() -> None:
    with web.web_server({"/a": web.answer(200)}) as server:
        fetch(f"{server.url}/a?b=c")
        method, path, headers = server.requests[0]
        assert (method, path) == ("GET", "/a?b=c")
        assert headers["Accept-Encoding"] == "identity"
        assert headers["Accept"].startswith("application/vnd.coreos.ignition+json;version=3.6.0")


def test_the_configs_headers_are_sent_and_replace_ours() -> None:
    headers = (
        HTTPHeader("X-One", "1"),
        HTTPHeader("accept", "text/plain"),
        HTTPHeader("User-Agent", "mine"),
        HTTPHeader("X-Text", "schön"),
        HTTPHeader("Host", "elsewhere"),
    )
    with web.web_server({"/a": web.answer(200)}) as server:
        fetch(f"{server.url}/a", http_headers=headers)
        sent = server.requests[0][2]
        assert sent["X-One"] == "1"
        assert sent["Accept"] == "text/plain"
        assert sent["User-Agent"] == "mine"
        assert sent["X-Text"].encode("latin-1").decode() == "schön"
        assert sent["Host"] == f"127.0.0.1:{server.port}"


def test_a_header_without_value_is_refused() -> None:
    with web.web_server({"/a": web.answer(200)}) as server:
        message = refused(f"{server.url}/a", http_headers=(HTTPHeader("X-One"),))
        assert "the header 'X-One' has no value" in message
        assert server.requests == []


def test_credentials_of_the_url_are_sent_and_never_shown() -> None:
    routes = {"/a": web.answer(200, b"yes"), "/b": web.answer(403)}
    with web.web_server(routes) as server:
        url = server.url.replace("//", "//user:p%40ss@")
        assert fetch(f"{url}/a") == b"yes"
        assert server.requests[0][2]["Authorization"] == "Basic dXNlcjpwQHNz"
        message = refused(f"{url}/b?token=secret")
        assert "p%40ss" not in message
        assert "p@ss" not in message
        assert "secret" not in message
        assert message.startswith(f"$.here: cannot fetch {server.url}/b?…: ")
        assert "credentials go into httpHeaders" in message


def test_a_failed_connection_shows_no_secret_either() -> None:
    limits = Limits(answer=30, first_pause=60)
    message = refused("http://user:pass@127.0.0.1:1/a?token=secret", limits=limits)
    assert "pass" not in message
    assert "secret" not in message


def test_environment_and_netrc_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with web.web_server({"/a": web.answer(200, b"direct")}) as server:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert fetch(f"{server.url}/a") == b"direct"
        assert "Authorization" not in server.requests[0][2]


def test_no_cookie_comes_back() -> None:
    routes = {"/a": web.answer(200, b"", {"Set-Cookie": "a=b"}), "/b": web.answer(200)}
    with web.web_server(routes) as server:
        fetcher = Fetcher(limits=PATIENT)
        fetcher.read(Resource(source=f"{server.url}/a"))
        fetcher.read(Resource(source=f"{server.url}/b"))
        assert "Cookie" not in server.requests[1][2]
        fetcher.close()


@pytest.mark.parametrize("function", ["sha256", "sha512"])
def test_the_hash_is_that_of_the_decompressed_bytes(function: str) -> None:
    digest = hashlib.new(function, b"text").hexdigest()
    with web.web_server({"/a": web.answer(200, gzip.compress(b"text"))}) as server:
        url = f"{server.url}/a"
        right, wrong = f"{function}-{digest}", f"{function}-{digest[::-1]}"
        assert fetch(url, compression="gzip", verification_hash=right) == b"text"
        message = refused(url, compression="gzip", verification_hash=wrong)
        assert f"the content's hash is {right}" in message
        assert wrong in message


def test_a_document_has_a_largest_size() -> None:
    with web.web_server({"/a": web.answer(200, bytes(3000))}) as server:
        assert "larger than 2.0 KiB" in refused(f"{server.url}/a", limits=Limits(document=2048))


def test_retries_are_told_about() -> None:
    told: list[str] = []
    with web.web_server({"/a": web.in_turn(web.answer(500), web.answer(200))}) as server:
        Fetcher(limits=PATIENT, log=told.append).read(
            Resource(source=f"{server.url}/a?token=secret")
        )
        assert told == [
            f"GET {server.url}/a?…: the server answered 500 Internal Server Error (attempt 1); "
            "trying again in 0.01 s"
        ]
