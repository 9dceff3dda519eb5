"""``data:`` URLs by Ignition's rules, which are narrower than RFC 2397 in places.

Source: the library ``vincent-petithory/dataurl`` that Ignition uses, after Go's ``net/url``.
"""

from __future__ import annotations

import binascii
import re

from datasource_hyperv_kvp.ignition.urls import parse_url

_CHAR = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]"  # printable ASCII without RFC 2045's tspecials
_TYPE = rf"(?:(?:text|image|audio|video|application|message|multipart){_CHAR}*|[xX]-{_CHAR}*)"
_QUOTED = r'"(?:[\x00-!#-\[\]-\x7f]|\\[\x00-\x7f])*"'
_HEAD = re.compile(
    rf"data:(?:{_TYPE}/{_CHAR}*)?((?:;{_CHAR}+=(?:{_QUOTED}|{_CHAR}+))*)(;base64)?,",
)
_PARAMETER = re.compile(rf";{_CHAR}+=(?:({_QUOTED})|({_CHAR}+))")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
#: What a quoted value may escape: Go's string literals.
_GO_STRING = re.compile(
    r"(?:[^\\\n\"]|\\[abfnrtv\\\"]|\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}"
    r"|\\u(?![dD][89a-fA-F])[0-9A-Fa-f]{4}"
    r"|\\U(?!0000[dD][89a-fA-F])00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})*"
)
_NOT_PLAIN = re.compile(r"[^!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def decode(url: str) -> bytes:
    """The bytes that a ``data:`` URL stands for.

    :raises ValueError: Ignition would refuse it; the message says why.
    """
    is_base64, data = _split(url)
    if is_base64:
        return binascii.a2b_base64(data)
    return _ESCAPE.sub(lambda match: bytes((int(match.group(1), 16),)), data)


def check(url: str) -> None:
    """As :func:`decode`, without making the bytes.

    :raises ValueError: likewise.
    """
    _split(url)


def _split(url: str) -> tuple[bool, bytes]:
    """Is the data base64, and the data, checked but not decoded."""
    head = _HEAD.match(url)
    if head is None:
        raise ValueError(_why_not(url))
    text = url[head.end() :]
    # Nothing in the data can offend net/url but control characters, and those are no data
    # characters either; so most URLs need not be parsed. After a number sign net/url lets even
    # line breaks pass, and the base64 decoder skips them.
    has_fragment = "#" in head.group()
    if head.group(1) or has_fragment:
        parse_url(url)
        _check_parameters(head.group(1))
    if head.group(2):
        return True, _checked_base64(text.replace("\n", "") if has_fragment else text)
    bad = _NOT_PLAIN.search(text)
    if bad:
        raise ValueError(f"the character {bad.group()!r} must be written as a % escape")
    if "%" in text and _BAD_ESCAPE.search(text):
        raise ValueError("a % in the data is not followed by two hexadecimal digits")
    return False, text.encode("ascii")


def _checked_base64(text: str) -> bytes:
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise ValueError(_BASE64_RULE) from error
    padding = data.translate(None, _BASE64)
    if len(data) % 4 or padding not in (b"", b"=", b"==") or not data.endswith(padding):
        raise ValueError(_BASE64_RULE)
    return data


_BASE64_RULE = (
    "the data is not base64; write the standard alphabet with its padding, without line breaks"
)


def _check_parameters(parameters: str) -> None:
    # An empty quoted value is forgotten, and its quotes count for the next one: a slip of the
    # library that decides about rare URLs.
    quoted = False
    for match in _PARAMETER.finditer(parameters):
        in_quotes, plain = match.groups()
        quoted = quoted or in_quotes is not None
        value = in_quotes[1:-1] if in_quotes is not None else plain
        if not value:
            continue
        if quoted and not _GO_STRING.fullmatch(value):
            raise ValueError("a quoted parameter value has an escape that is not known")
        if not quoted and _BAD_ESCAPE.search(value):
            raise ValueError("a % in a parameter is not followed by two hexadecimal digits")
        quoted = False


def _why_not(url: str) -> str:
    if not url.startswith("data:"):
        return 'it must begin with "data:" in lower case'
    if "," not in url:
        return 'there is no comma before the data; write "data:,TEXT" or "data:;base64,DATA"'
    return (
        'what stands before the comma is not right; write "data:,TEXT", "data:;base64,DATA" or '
        'a media type such as "data:text/plain;charset=utf-8,TEXT"'
    )
