"""What requests must do otherwise than by default: whom to trust, and how long to wait."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Adapter(requests.adapters.HTTPAdapter):
    """Trusts what ``trust`` says, and nothing that requests brings along."""

    def __init__(
        self, trust: ssl.SSLContext | None, *, body_timeout: float, connections: int
    ) -> None:
        version: str = urllib3.__version__  # type: ignore[attr-defined]  # missing in its __all__
        if trust is not None and version.startswith("1."):
            # That urllib3 compares the names itself, as the ssl module cannot: it is not told the
            # name of a server that is an address.
            trust.check_hostname = False
        self._trust = trust
        self._pools = _pools(body_timeout)
        super().__init__(pool_connections=connections, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(
            proxy, ssl_context=self._trust, proxy_ssl_context=self._trust, **kwargs
        )
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, *_: Any, **__: Any
    ) -> tuple[Any, Any]:
        """Since 2.32 requests names its own bundle here; before, in :meth:`cert_verify`."""
        parts = urlsplit(request.url or "")
        host = {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port}
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def _pools(body_timeout: float) -> dict[str, type[HTTPConnectionPool]]:
    """Connections that wait for headers as long as they are told, but longer for the body."""

    class Plain(HTTPConnection):
        def getresponse(self, *args: Any, **kwargs: Any) -> Any:
            sock = self.sock
            response = super().getresponse(*args, **kwargs)
            sock.settimeout(body_timeout)
            return response

    class Secure(HTTPSConnection):
        def getresponse(self, *args: Any, **kwargs: Any) -> Any:
            sock = self.sock
            response = super().getresponse(*args, **kwargs)
            sock.settimeout(body_timeout)
            return response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
