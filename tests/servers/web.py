"""An HTTP server, with TLS if asked for, and an HTTP proxy; both record what they were asked."""

from __future__ import annotations

import http.client
import http.server
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

Action = Callable[["Handler"], None]


@dataclass
class Web:
    """A running server: ``routes`` maps paths (without query) to what happens there."""

    url: str = ""
    port: int = 0
    routes: dict[str, Action] = field(default_factory=dict)
    #: Method, path with query, and headers of every request, in order.
    requests: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    #: Set when the test is over: what stalls may stop stalling.
    over: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    web: Web

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.web.requests.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        try:
            self.web.routes.get(path, answer(404, b"no such thing"))(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Tests are silent."""


def answer(
    status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Action:
    """Answer so, with a Content-Length."""

    def act(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return act


def redirect(target: str, status: int = 302) -> Action:
    return answer(status, b"over there", {"Location": target})


def in_turn(*actions: Action) -> Action:
    """One action a request; the last one for all that follow."""
    rest = list(actions)

    def act(handler: Handler) -> None:
        (rest.pop(0) if len(rest) > 1 else rest[0])(handler)

    return act


def truncate(body: bytes, missing: int) -> Action:
    """Promise more than is sent, and close."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) + missing))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return act


def truncate_chunked(body: bytes) -> Action:
    """A chunked body whose last chunk never comes."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        handler.close_connection = True

    return act


def stall_in_headers(handler: Handler) -> None:
    handler.web.over.wait(30)
    handler.close_connection = True


def drip_in_headers(handler: Handler) -> None:
    """A byte every now and then: no single wait is ever long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.web.over.wait(0.05):
        handler.wfile.write(b"x")


def stall_in_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"some")
    handler.web.over.wait(30)
    handler.close_connection = True


def drip_in_body(count: int, pause: float) -> Action:
    """``count`` bytes, one at a time."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(count))
        handler.end_headers()
        for _ in range(count):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            if handler.web.over.wait(pause):
                break

    return act


def zeros(size: int) -> Action:
    """A large body that the server does not keep in memory either."""

    def act(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        block = bytes(1 << 20)
        for start in range(0, size, len(block)):
            handler.wfile.write(block[: size - start])

    return act


@contextmanager
def web_server(
    routes: Mapping[str, Action] | None = None, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Web]:
    """A server on 127.0.0.1; ``port`` 0 takes any."""
    web = Web(routes=dict(routes or {}))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", port), type("Handler", (Handler,), {"web": web})
    )
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    # A client that refuses our certificate is what some tests want; nothing to print.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    web.port = server.server_address[1]
    web.url = f"{'https' if tls else 'http'}://127.0.0.1:{web.port}"
    with _serving(server, web):
        yield web


class ProxyHandler(Handler):
    """Sends every request to loopback, whatever host it asks for."""

    target: tuple[str, int]
    refuse: int

    def do_CONNECT(self) -> None:
        self.web.requests.append((self.command, self.path, dict(self.headers)))
        if self.refuse:
            self.send_error(self.refuse)
            return
        with socket.create_connection(self.target) as upstream:
            self.send_response(200)
            self.end_headers()
            _relay(self.connection, upstream)
        self.close_connection = True

    def _serve(self) -> None:
        self.web.requests.append((self.command, self.path, dict(self.headers)))
        if self.refuse:
            self.send_error(self.refuse)
            return
        path = "/" + self.path.split("/", 3)[3]
        upstream = http.client.HTTPConnection(*self.target)
        upstream.request(self.command, path, headers=dict(self.headers))
        response = upstream.getresponse()
        answer(response.status, response.read())(self)
        upstream.close()


@contextmanager
def proxy_server(
    target: tuple[str, int], *, refuse: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Web]:
    """A proxy, also for CONNECT, whose every request ends at ``target``.

    :param refuse: the status that everything is answered with, if not 0.
    """
    web = Web()
    attributes = {"web": web, "target": target, "refuse": refuse}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("ProxyHandler", (ProxyHandler,), attributes)
    )
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    web.port = server.server_address[1]
    web.url = f"{'https' if tls else 'http'}://127.0.0.1:{web.port}"
    with _serving(server, web):
        yield web


@contextmanager
def _serving(server: http.server.ThreadingHTTPServer, web: Web) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        web.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until a side closes."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        ready, _, _ = select.select([one, other], [], [], 1)
        if isinstance(one, ssl.SSLSocket) and one.pending():
            ready.append(one)
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)
