"""Fetch resources as Ignition does, from wherever their URLs point.

Transports are imported when they are needed: most configs have nothing but ``data:`` URLs, and are
applied early in a boot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from datasource_hyperv_kvp.errors import ConfigError, NeedsNetworkError
from datasource_hyperv_kvp.ignition.config import IgnitionSection, Proxy, Resource, Timeouts

from . import codec, data
from .failure import FetchFailure, safe_url, size
from .limits import Budget, Clock, Limits

if TYPE_CHECKING:
    from . import http


@dataclass(frozen=True)
class Job:
    """One resource to be staged.

    :param where: the JSON path that errors name.
    """

    resource: Resource
    path: Path
    where: str


@dataclass(frozen=True)
class _Content:
    """``length``: of the pieces as a whole, before decompression; None if not known."""

    length: int | None
    chunks: Iterator[bytes]
    close: Callable[[], None] = lambda: None


class Fetcher:
    """Fetches with the timeouts, the proxy and the authorities that a config gave last.

    :param proxy: proxies to begin with; a config's replace them.
    :param timeouts: likewise.
    :param limits: bounds of our own.
    :param offline: refuse whatever needs the network with NeedsNetworkError.
    :param log: told about attempts that fail and about progress, in a line each, without
        secrets; called from several threads.
    :param endpoint: maps the HTTPS URL that stands for an ``s3:``, ``arn:`` or ``gs:`` URL to the
        one that is asked instead, for tests and for private stores.
    """

    def __init__(
        self,
        *,
        proxy: Proxy = Proxy(),  # noqa: B008 - frozen, so shared safely
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen, so shared safely
        limits: Limits = Limits(),  # noqa: B008 - frozen, so shared safely
        offline: bool = False,
        log: Callable[[str], None] = lambda _: None,
        endpoint: Callable[[str], str] = lambda url: url,
        clock: Clock = time.monotonic,
    ) -> None:
        self._proxy = proxy
        self._timeouts = timeouts
        self._limits = limits
        self._offline = offline
        self.log = log
        self._endpoint = endpoint
        self._clock = clock
        self._cancelled = threading.Event()
        self._authorities: tuple[bytes, ...] = ()
        self._bundles: dict[Resource, tuple[bytes, ...]] = {}
        self._lock = threading.Lock()
        self._client: http.Client | None = None
        self._ends: float | None = None

    def configure(self, section: IgnitionSection, *, where: str = "$") -> None:
        """Take timeouts, proxy and authorities of a config for all that is fetched later.

        As in Ignition, the authorities are fetched with the new timeouts and the new proxy, but
        with the old authorities' trust, and a config without any keeps those. Raises ConfigError.
        """
        self._proxy = section.proxy
        self._timeouts = section.timeouts
        self._forget_client()
        if not section.certificate_authorities:
            return
        from . import tls

        found: list[bytes] = []
        for index, authority in enumerate(section.certificate_authorities):
            path = f"{where}.ignition.security.tls.certificateAuthorities.{index}.source"
            if authority not in self._bundles:
                bundle = self.read(authority, where=path)
                try:
                    self._bundles[authority] = tls.certificates(bundle)
                except FetchFailure as failure:
                    raise _named(failure, authority, path) from failure
            found += self._bundles[authority]
        self._authorities = tuple(found)
        self._forget_client()

    def read(self, resource: Resource, *, where: str = "") -> bytes:
        """The resource's bytes, decompressed and verified; for what fits into memory.

        Raises ConfigError, which names ``where`` (the JSON path), the URL and the cause, and
        NeedsNetworkError if the fetcher is offline.
        """
        kept = bytearray()
        with self._opened(resource, where) as content:
            for chunk in content.chunks:
                kept += chunk
                if len(kept) > self._limits.document:
                    raise FetchFailure(
                        f"larger than {size(self._limits.document)}",
                        advice="configs and CA bundles are small; check the URL",
                    )
        return bytes(kept)

    def stage(self, resource: Resource, path: Path, *, where: str = "") -> None:
        """Stream the resource, decompressed and verified, to the file ``path``, mode 0600.

        The file appears when it is whole and synced. Raises ConfigError and NeedsNetworkError as
        :meth:`read` does, and OSError if the directory cannot be written.
        """
        from . import sink

        with self._opened(resource, where) as content:
            sink.write(content.chunks, path, length=content.length, reserve=self._limits.reserve)

    def stage_all(self, jobs: Sequence[Job]) -> None:
        """:meth:`stage` all jobs, several at a time; the first error ends the others."""
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(self._limits.parallel, thread_name_prefix="stage") as threads:
            futures = [
                threads.submit(self.stage, job.resource, job.path, where=job.where) for job in jobs
            ]
            done, pending = wait(futures, return_when=FIRST_EXCEPTION)
            if pending:
                self._cancelled.set()
                for future in pending:
                    future.cancel()
        self._cancelled.clear()
        for future in futures:
            if future in done:
                future.result()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._forget_client()

    @contextmanager
    def _opened(self, resource: Resource, where: str) -> Iterator[_Content]:
        """The content, decompressed and verified as it is read; failures get their names."""
        try:
            content = self._open(resource)
            try:
                yield content
            finally:
                content.close()
        except FetchFailure as failure:
            raise _named(failure, resource, where) from failure

    def _open(self, resource: Resource) -> _Content:
        url = resource.source or ""
        if not url:
            # As in Ignition: nothing to fetch, nothing to verify.
            return _Content(0, iter(()))
        if resource.compression not in (None, "", "gzip"):
            raise FetchFailure(
                f"compression {resource.compression!r} is unknown", advice="use gzip, or none"
            )
        raw = self._transport(url, resource, self._budget())
        chunks = codec.gunzip(raw.chunks) if resource.compression else raw.chunks
        return replace(raw, chunks=codec.verify(chunks, resource.verification_hash))

    def _transport(self, url: str, resource: Resource, budget: Budget) -> _Content:
        scheme = url.partition(":")[0].lower()
        if scheme == "data":
            return _Content(None, data.content(url))
        if self._offline:
            raise _Offline
        _check_url(url)
        if scheme in ("http", "https"):
            content = self._get(url, resource, budget)
        elif scheme == "tftp":
            from . import tftp

            content = _Content(None, tftp.get(url, budget, self.log))
        elif scheme == "gs":
            from . import gs

            content = self._get(self._endpoint(gs.to_https(url)), resource, budget)
        elif scheme in ("s3", "arn"):
            if resource.compression:
                raise FetchFailure(
                    f"compression is not supported with {scheme}",
                    advice="store the file decompressed, or fetch it by https",
                )
            from . import s3

            target = s3.to_https(url, lambda asked: self._head(asked, budget))
            content = self._get(self._endpoint(target), resource, budget)
        else:
            raise FetchFailure(
                f"the scheme {scheme!r} is not supported",
                advice="use data, http, https, tftp, s3, arn or gs",
            )
        return replace(content, chunks=self._reported(content, safe_url(url)))

    def _get(self, url: str, resource: Resource, budget: Budget) -> _Content:
        body = self._http().get(url, resource.http_headers, budget)
        return _Content(body.length, body.chunks, body.close)

    def _head(self, url: str, budget: Budget) -> tuple[int, Mapping[str, str]]:
        answer = self._http().head(self._endpoint(url), budget)
        return answer.status, answer.headers

    def _reported(self, content: _Content, shown: str) -> Iterator[bytes]:
        """The pieces, and a line in the log every now and then."""
        started = told = self._clock()
        received = 0
        whole = f" of {size(content.length)}" if content.length else ""
        for chunk in content.chunks:
            received += len(chunk)
            now = self._clock()
            if now - told >= self._limits.progress:
                told = now
                self.log(f"{shown}: {size(received)}{whole} after {now - started:.0f} s")
            yield chunk

    def _http(self) -> http.Client:
        """The client for the current settings."""
        from . import http, tls

        with self._lock:
            if self._client is None:
                timeout = self._timeouts.http_response_headers
                self._client = http.Client(
                    proxy=self._proxy,
                    headers_timeout=self._limits.headers if timeout is None else timeout,
                    # The budget ends a silence; this ends the thread that listens to it.
                    body_timeout=2 * (self._timeouts.http_total or self._limits.stall),
                    trust=lambda: tls.context(self._authorities),
                    limits=self._limits,
                    cancelled=self._cancelled,
                    log=self.log,
                )
            return self._client

    def _forget_client(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _budget(self) -> Budget:
        with self._lock:
            if self._ends is None:
                self._ends = self._clock() + self._limits.total
        return Budget(
            self._limits,
            total=self._timeouts.http_total,
            overall=self._ends,
            cancelled=self._cancelled,
            clock=self._clock,
        )


def _check_url(url: str) -> None:
    """Raise FetchFailure for what Go's parser lets pass and the standard library does not."""
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise FetchFailure("the URL is invalid", advice="check its host and its port") from error


class _Offline(FetchFailure):
    def __init__(self) -> None:
        super().__init__(
            "the network is needed, and not to be used yet",
            advice="give the content as a data: URL, or resolve with the network",
        )


def _named(failure: FetchFailure, resource: Resource, where: str) -> ConfigError:
    kind = NeedsNetworkError if isinstance(failure, _Offline) else ConfigError
    return kind(
        f"cannot fetch {safe_url(resource.source or '')}: {failure.cause}",
        where=where,
        advice=failure.advice,
    )
