"""What can go wrong while fetching, and how it is told without telling a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator


class FetchFailure(Exception):
    """Why one resource could not be fetched, before it is known which one it was.

    :param cause: what happened, without the URL.
    :param advice: what to do about it.
    :param retry: another attempt may succeed: the server is not there yet, not well, or has a
        certificate that is not valid at the time that this machine takes for the present.
    """

    def __init__(self, cause: str, *, advice: str = "", retry: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.advice = advice
        self.retry = retry


class Cancelled(FetchFailure):
    """Given up because another fetch of the same run has failed."""

    def __init__(self) -> None:
        super().__init__("given up because another fetch failed")


def safe_url(url: str) -> str:
    """The URL as it may be logged: without user, password, query, fragment, and data."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "data":
        return "data:…"
    # Not urlsplit: whatever cannot be parsed must be shown as well.
    shown, question, _ = rest.partition("#")[0].partition("?")
    shown = re.sub(r"^//[^/]*@", "//", shown)
    return f"{scheme}:{shown}?…" if question else f"{scheme}:{shown}"


def size(count: int) -> str:
    """A number of bytes for the eye."""
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / (1 << 10):.1f} KiB"


def explain(error: BaseException) -> str:
    """One phrase for the innermost cause that says something.

    Messages of requests and urllib3 are not repeated: they contain the whole URL.
    """
    # Not needed where nothing is fetched, and slow to import.
    import http.client
    import socket
    import ssl

    for cause in _causes(error):
        # urllib3 1.x compares names by itself and has an error of its own, which is no OSError.
        own = type(cause).__name__ == "CertificateError"
        if own or isinstance(cause, ssl.SSLCertVerificationError):
            # Raised by OpenSSL, it has a message of its own; by urllib3, only an argument.
            why = getattr(cause, "verify_message", "") or cause.args[0]
            return f"the server's certificate is not trusted: {why}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or 'unknown reason'}"
        if isinstance(cause, socket.gaierror):
            return f"the host name cannot be resolved: {cause.strerror}"
        if isinstance(cause, (socket.timeout, TimeoutError)):
            return "no answer in time"
        if isinstance(cause, http.client.IncompleteRead):
            return "the body is truncated"
        if isinstance(cause, http.client.RemoteDisconnected):
            return "the server closed the connection without an answer"
        if isinstance(cause, OSError) and cause.errno is not None:
            return (cause.strerror or f"error {cause.errno}").lower()
        if type(cause) is OSError and str(cause).startswith("Tunnel connection failed"):
            return f"the proxy refused: {str(cause).partition(': ')[2]}"
    names = [type(cause).__name__ for cause in _causes(error)]
    return "no answer in time" if any("Timeout" in name for name in names) else names[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps, in whatever attribute, innermost first."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        item = waiting.pop(0)
        if any(item is other for other in seen):
            continue
        seen.append(item)
        wrapped = (*item.args, getattr(item, "reason", None), item.__cause__, item.__context__)
        waiting += [other for other in wrapped if isinstance(other, BaseException)]
    return reversed(seen)
