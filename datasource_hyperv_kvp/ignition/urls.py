"""URLs as Go's ``net/url`` takes them apart: what Ignition refuses before it fetches anything.

Python's ``urllib.parse`` accepts nearly everything, so the rules stand here. Their source is
``net/url/url.go`` of Go 1.27, without strict colons in hosts, as Ignition's ``go.mod`` asks for.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT = re.compile(r"(?::[0-9]*)?")
_HOST_CHARACTERS = r"[A-Za-z0-9!$&'()*+,;=:\[\]<>\"\-_.~]"
#: A host: these characters and everything beyond ASCII; escapes only of the latter.
_HOST = re.compile(rf"(?:{_HOST_CHARACTERS}|[^\x00-\x7f]|%[89A-Fa-f][0-9A-Fa-f]|%25)*")
#: A zone: the same characters, which may be escaped too, as may a blank and the percent sign.
_ZONE_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])")
_ZONE = re.compile(rf"(?:{_HOST_CHARACTERS}|[^\x00-\x7f]|[% ])+")


class URL(NamedTuple):
    """The parts of a URL, escapes and all. ``opaque`` is what follows a scheme without a slash."""

    scheme: str
    opaque: str
    host: str
    path: str
    query: str


def parse_url(text: str) -> URL:
    """Take a URL apart.

    :raises ValueError: Go would not parse it.
    """
    before_fragment, _, fragment = text.partition("#")
    if _CONTROL.search(before_fragment):
        raise ValueError("it contains a blank line or another control character")
    url = _parse(before_fragment)
    if _BAD_ESCAPE.search(fragment):
        raise ValueError("a % in it is not followed by two hexadecimal digits")
    return url


def _parse(text: str) -> URL:
    if text == "*":
        return URL("", "", "", "*", "")
    scheme, rest = _split_scheme(text)
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme, rest, "", "", query)
        if ":" in rest.partition("/")[0]:
            raise ValueError("its first segment contains a colon but is no scheme")
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        host = _host(authority)
        rest = slash + path
    if _BAD_ESCAPE.search(rest):
        raise ValueError("a % in it is not followed by two hexadecimal digits")
    return URL(scheme, "", host, rest, query)


def _split_scheme(text: str) -> tuple[str, str]:
    match = _SCHEME.match(text)
    if match:
        return match.group(1).lower(), text[match.end() :]
    if text.startswith(":"):
        raise ValueError("it has no scheme before the colon")
    return "", text


def _host(authority: str) -> str:
    userinfo, at, host = authority.rpartition("@")
    _check_host(host)
    if at and (not _USERINFO.fullmatch(userinfo) or _BAD_ESCAPE.search(userinfo)):
        raise ValueError("its user information contains a character that has to be escaped")
    return host


def _check_host(host: str) -> None:
    bracket = host.rfind("[")
    if bracket > 0:
        raise ValueError("its host has a bracket in the middle")
    if bracket == 0:
        _check_bracketed(host)
        return
    colon = host.rfind(":")
    if colon >= 0 and not _PORT.fullmatch(host[colon:]):
        raise ValueError("the port after its host is not a number")
    if not _HOST.fullmatch(host):
        raise ValueError("its host contains a character that a host cannot have")


def _check_bracketed(host: str) -> None:
    address, closed, port = host[1:].rpartition("]")
    if not closed or not _PORT.fullmatch(port):
        raise ValueError("its host begins with a bracket but is no address in brackets")
    address, percent, zone = address.partition("%25")
    if percent and not _is_zone(zone):
        raise ValueError("the zone in its host is empty or has a character that has to be escaped")
    if "%" in address:
        raise ValueError("its host in brackets is no IPv6 address")
    import ipaddress  # rarely needed

    try:
        ipaddress.IPv6Address(address)
    except ValueError as error:
        raise ValueError("its host in brackets is no IPv6 address") from error


def _is_zone(zone: str) -> bool:
    if " " in zone or _BAD_ESCAPE.search(zone):
        return False
    plain = _ZONE_ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), zone)
    # Whatever is still a percent sign is "%25" unescaped, or an escape of a byte beyond ASCII.
    return bool(_ZONE.fullmatch(plain)) and not re.search(r"%[89A-Fa-f]", zone)


def query_values(query: str, key: str) -> list[str]:
    """All values of ``key`` in a query, still escaped; pairs that Go skips are skipped."""
    values = []
    for pair in query.split("&"):
        if ";" in pair or _BAD_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition("=")
        if pair and _unescaped(name) == key:
            values.append(value)
    return values


def _unescaped(text: str) -> str:
    from urllib.parse import unquote_plus  # rarely needed

    return unquote_plus(text)
