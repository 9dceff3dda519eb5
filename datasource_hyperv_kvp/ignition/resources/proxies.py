"""Which proxy a URL is fetched through.

The rules are those of Go's ``golang.org/x/net/http/httpproxy``, which Ignition uses.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Union
from urllib.parse import urlsplit

from datasource_hyperv_kvp.ignition.config import Proxy

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_PORTS = {"http": 80, "https": 443}


def choose(url: str, proxy: Proxy) -> str | None:
    """The proxy's URL, or None: by the scheme, never for loopback, not for noProxy's hosts."""
    parts = urlsplit(url)
    chosen = {"http": proxy.http_proxy, "https": proxy.https_proxy}.get(parts.scheme)
    if not chosen:
        return None
    host = _ascii(parts.hostname or "")
    port = parts.port or _PORTS[parts.scheme]
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return None
    entries = [part for item in proxy.no_proxy for part in item.split(",")]
    if any(_covers(entry.strip().lower(), host, port, address) for entry in entries):
        return None
    return chosen if "://" in chosen else f"http://{chosen}"


def _covers(entry: str, host: str, port: int, address: _Address | None) -> bool:
    if not entry:
        return False
    if entry == "*":
        return True
    if re.fullmatch(r"[0-9a-f:.]+/[0-9]+", entry):
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
        return address is not None and address in network
    name, only = _split_port(entry)
    listed = _address(name)
    if listed is not None:
        return address == listed and only in ("", str(port))
    if not name or address is not None:
        return False
    # "a.org" stands for itself and all below it, ".a.org" and "*.a.org" for those below only.
    name = _ascii(name[1:] if name.startswith("*.") else name)
    matches = host.endswith(name) if name.startswith(".") else f".{host}".endswith(f".{name}")
    return matches and only in ("", str(port))


def _split_port(entry: str) -> tuple[str, str]:
    """Host and port; an IPv6 address has a port only if it stands in brackets."""
    bracketed = re.fullmatch(r"\[(.*)\](?::([0-9]*))?", entry)
    if bracketed:
        return bracketed[1], bracketed[2] or ""
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host.lower()
