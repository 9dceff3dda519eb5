"""Trust: the system's certificate authorities and the config's."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Iterable

from .failure import FetchFailure

_BLOCK = re.compile(rb"-----BEGIN [^\r\n]*?-----\s*(.*?)-----END [^\r\n]*?-----", re.DOTALL)


def certificates(bundle: bytes) -> tuple[bytes, ...]:
    """All certificates of a PEM bundle, as DER. Raises FetchFailure unless each can be used."""
    found = []
    for number, block in enumerate(_BLOCK.findall(bundle), start=1):
        try:
            der = base64.b64decode(b"".join(block.split()), validate=True)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
        except (binascii.Error, ssl.SSLError) as error:
            raise FetchFailure(
                f"block {number} of the bundle is not a certificate", advice=_ADVICE
            ) from error
        found.append(der)
    if not found:
        raise FetchFailure("the bundle holds no certificate", advice=_ADVICE)
    return tuple(found)


def context(authorities: Iterable[bytes]) -> ssl.SSLContext:
    """What to trust: the system's authorities and these, each as DER.

    As Go does it, every certificate that was given is an anchor of trust, an intermediate one
    too, and a certificate without a key identifier is good enough, whereas a host name that only
    stands in the common name is not.
    """
    trust = ssl.create_default_context()
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    trust.verify_flags |= ssl.VerifyFlags(_PARTIAL_CHAIN)
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:
        trust.hostname_checks_common_name = False
    for der in authorities:
        trust.load_verify_locations(cadata=der)
    return trust


_ADVICE = "give certificates in PEM, one after the other, and nothing but certificates"
#: X509_V_FLAG_PARTIAL_CHAIN of OpenSSL's x509_vfy.h; Python names it from 3.10 on.
_PARTIAL_CHAIN = 0x80000
