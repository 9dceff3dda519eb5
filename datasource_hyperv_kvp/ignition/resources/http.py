"""``http:`` and ``https:`` URLs, by requests."""

from __future__ import annotations

import base64
import http
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Callable
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import requests
import urllib3

from datasource_hyperv_kvp import __version__
from datasource_hyperv_kvp.ignition.config import HTTPHeader, Proxy

from . import codec, proxies
from .adapter import Adapter
from .failure import Cancelled, FetchFailure, explain, safe_url
from .limits import Budget, Limits
from .pump import Pump, Silence

Log = Callable[[str], None]

_CHUNK = 256 << 10
#: Ignition follows for ever; whoever needs more hops than this runs in a circle.
_REDIRECTS = 20
#: Configs are asked for in the newest specification that is understood; servers that render
#: them, such as OpenShift's machine config server, go by that.
_HEADERS = {
    "Accept": "application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1",
    "Accept-Encoding": "identity",
}
_AGENT = f"datasource_hyperv_kvp/{__version__}"
#: What Go's HTTP client does not take from a caller's headers, because it sets them itself.
_NOT_OURS = ("host", "content-length", "transfer-encoding", "trailer")
_ADVICE = {
    401: "give credentials in httpHeaders",
    403: "check the permissions; credentials go into httpHeaders",
    404: "check the URL",
    410: "check the URL",
}


@dataclass(frozen=True)
class Answer:
    """Status and headers of a response; its body follows it.

    :param length: of the body in bytes, None if the server does not say.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    length: int | None
    redirected: bool = False


@dataclass(frozen=True)
class Body:
    """``length`` bytes, None if not known, in pieces; to be closed, read or not."""

    length: int | None
    chunks: Iterator[bytes]
    close: Callable[[], None]


class Client:
    """Fetches with one set of proxy, timeouts and authorities; used by several threads.

    :param headers_timeout: seconds from the request to the response's headers; 0 means no limit.
    :param body_timeout: seconds without a byte after which an abandoned connection is closed.
    """

    def __init__(
        self,
        *,
        proxy: Proxy,
        headers_timeout: float,
        body_timeout: float,
        trust: Callable[[], ssl.SSLContext],
        limits: Limits,
        cancelled: threading.Event,
        log: Log,
    ) -> None:
        self._proxy = proxy
        self._headers_timeout = headers_timeout
        self._limits = limits
        self._cancelled = cancelled
        self._log = log
        self._session = requests.Session()
        # Neither proxies nor credentials come from the environment. Requests are prepared without
        # the session, so that no cookie goes back either.
        self._session.trust_env = False
        self._body_timeout = body_timeout
        self._trust = trust
        self._secure = False
        self._lock = threading.Lock()
        self._mount("http://", None)

    def close(self) -> None:
        self._session.close()

    def get(self, url: str, headers: tuple[HTTPHeader, ...], budget: Budget) -> Body:
        """Fetch ``url``; raises FetchFailure, also while the body is read."""
        answer, pump = self._ask("GET", url, headers, budget)
        if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.NO_CONTENT):
            pump.close()
            raise FetchFailure(
                f"the server answered {_status(answer)}", advice=_ADVICE.get(answer.status, "")
            )
        chunks = _body(pump, answer.length, budget)
        # Ignition's HTTP client sends its own Accept-Encoding after a redirect, and decodes.
        if answer.redirected and answer.headers.get("Content-Encoding", "").lower() == "gzip":
            return Body(None, codec.gunzip(chunks), pump.close)
        return Body(answer.length, chunks, pump.close)

    def head(self, url: str, budget: Budget) -> Answer:
        """Status and headers of ``url``, whatever the status below 500; follows no redirect."""
        answer, pump = self._ask("HEAD", url, (), budget)
        pump.close()
        return answer

    def _ask(
        self, verb: str, url: str, headers: tuple[HTTPHeader, ...], budget: Budget
    ) -> tuple[Answer, Pump[Answer | bytes]]:
        """Ask until there is an answer; statuses of 500 and above are asked again."""
        fields = _fields(headers)
        pause = self._limits.first_pause
        attempt = 1
        while True:
            try:
                return self._attempt(verb, url, fields, budget)
            except FetchFailure as error:
                if not error.retry:
                    raise
                failure = error
            try:
                budget.check_time_for(pause)
                self._log(
                    f"{verb} {safe_url(url)}: {failure.cause} (attempt {attempt}); "
                    f"trying again in {pause:g} s"
                )
                budget.pause(pause)
            except Cancelled:
                raise
            except FetchFailure as late:
                raise FetchFailure(
                    f"{failure.cause} (attempt {attempt}; {late.cause})",
                    advice=failure.advice or late.advice,
                ) from failure
            pause = min(pause * 2, self._limits.longest_pause)
            attempt += 1

    def _attempt(
        self, verb: str, url: str, fields: Mapping[str, bytes], budget: Budget
    ) -> tuple[Answer, Pump[Answer | bytes]]:
        limits = self._limits
        patience = budget.until_answer()
        if self._headers_timeout:
            # The socket's own timeouts come first; this is for servers that drip.
            patience = min(patience, limits.connect + limits.handshake + self._headers_timeout + 1)
        pump = Pump(lambda: self._exchange(verb, url, fields), self._cancelled)
        try:
            answer = pump.take(patience)
        except Silence:
            pump.close()
            raise FetchFailure("no answer in time", retry=True) from None
        if not isinstance(answer, Answer):
            raise TypeError(f"an exchange begins with its answer, not with {answer!r}")
        if answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            pump.close()
            raise FetchFailure(f"the server answered {_status(answer)}", retry=True)
        return answer, pump

    def _exchange(
        self, verb: str, url: str, fields: Mapping[str, bytes]
    ) -> Iterator[Answer | bytes]:
        """One request with its redirects: first the answer, then the body in pieces."""
        response = self._send(verb, url, fields)
        hops = 0
        while verb == "GET" and response.status_code in (301, 302, 303, 307, 308):
            target = response.headers.get("Location", "")
            if not target:
                break
            response.close()
            hops += 1
            url = _redirected(url, target, hops)
            # Headers go to the server that they were meant for and to no other one.
            response = self._send(verb, url, {})
        with response:
            yield Answer(
                status=response.status_code,
                reason=response.reason or "",
                headers=response.headers,
                length=_length(response),
                redirected=hops > 0,
            )
            while True:
                try:
                    chunk = response.raw.read(_CHUNK, decode_content=False)
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    raise FetchFailure(f"the transfer broke off: {explain(error)}") from error
                if not chunk:
                    return
                yield chunk

    def _send(self, verb: str, url: str, fields: Mapping[str, bytes]) -> requests.Response:
        bare, credentials = _split_credentials(url)
        own = {name.lower() for name in fields}
        sent: dict[str, str | bytes] = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        sent = {name: value for name, value in sent.items() if name.lower() not in own}
        if credentials and "authorization" not in own:
            sent["Authorization"] = credentials
        through = proxies.choose(bare, self._proxy)
        if "https" in (urlsplit(bare).scheme, urlsplit(through or "").scheme):
            self._make_secure()
        try:
            request = requests.Request(verb, bare, headers={**sent, **fields}).prepare()
            return self._session.send(
                request,
                stream=True,
                allow_redirects=False,
                timeout=(self._limits.connect, self._headers_timeout or None),
                proxies={urlsplit(bare).scheme: through} if through else {},
            )
        except ValueError as error:  # also requests' InvalidURL, InvalidHeader and their like
            raise FetchFailure(
                f"no request can be made of it: {type(error).__name__}",
                advice="check the URL, httpHeaders and ignition.proxy",
            ) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise FetchFailure(explain(error), retry=True) from error

    def _make_secure(self) -> None:
        """Read the certificates of the system, which takes a while, when they are needed."""
        with self._lock:
            if not self._secure:
                trust = self._trust()
                self._mount("https://", trust)
                self._mount("http://", trust)
                self._secure = True

    def _mount(self, prefix: str, trust: ssl.SSLContext | None) -> None:
        adapter = Adapter(trust, body_timeout=self._body_timeout, connections=self._limits.parallel)
        self._session.mount(prefix, adapter)


def _body(pump: Pump[Answer | bytes], length: int | None, budget: Budget) -> Iterator[bytes]:
    received = 0
    try:
        while True:
            try:
                chunk = pump.take(budget.until_chunk())
            except Silence:
                raise budget.silence() from None
            if not isinstance(chunk, bytes):
                break
            received += len(chunk)
            yield chunk
    finally:
        pump.close()
    if length is not None and received != length:
        raise FetchFailure(f"the body is truncated: {received} of {length} bytes came")


def _redirected(url: str, target: str, hops: int) -> str:
    """Where a redirect leads; ``target`` is as the standard library decodes headers."""
    try:
        url = urljoin(url, target.encode("latin-1").decode("utf-8", "replace"))
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise FetchFailure("redirected to something that is no URL") from error
    if parts.scheme not in ("http", "https"):
        raise FetchFailure(f"redirected to {safe_url(url)}, which is neither http nor https")
    if hops > _REDIRECTS:
        raise FetchFailure(f"redirected more than {_REDIRECTS} times, last to {safe_url(url)}")
    return url


def _fields(headers: tuple[HTTPHeader, ...]) -> dict[str, bytes]:
    """The request's headers; a config's own replace ours, and of two alike the last one counts."""
    fields = {name.title(): value.encode() for name, value in _HEADERS.items()}
    for header in headers:
        if not header.value:
            raise FetchFailure(
                f"the header {header.name!r} has no value",
                advice="a header without a value can only remove one of a parent config",
            )
        if header.name.lower() not in _NOT_OURS:
            fields[header.name.title()] = header.value.encode()
    return fields


def _split_credentials(url: str) -> tuple[str, str]:
    """The URL without user and password, and these as an Authorization header's value."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host, fragment=""))
    if not at:
        return bare, ""
    user, _, password = userinfo.partition(":")
    token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode())
    return bare, f"Basic {token.decode('ascii')}"


def _length(response: requests.Response) -> int | None:
    """Content-Length, where it counts: a chunked body says itself where it ends."""
    if response.status_code != http.HTTPStatus.OK or "Transfer-Encoding" in response.headers:
        return None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _status(answer: Answer) -> str:
    try:
        return f"{answer.status} {http.HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)
