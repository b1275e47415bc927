"""TLS: which servers are believed, and in plain words why one isn't."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from reconciler.errors import InputError, TlsFailure


class Tls(Struct, frozen=True):
    """How a target's connection is protected.

    ``ca`` is a PEM file whose authorities are trusted in place of the machine's own. ``allow_http`` permits
    plain HTTP to hosts other than this machine.
    """

    ca: str | None = None
    allow_http: bool = False


def context_for(tls: Tls) -> ssl.SSLContext:
    """The context for these settings, one for all who share them; a CA file that changed is read again.

    Raises InputError when the file can't be read or holds no certificate.
    """
    if tls.ca is None:
        return _context(None, (0, 0))
    try:
        status = os.stat(tls.ca)
        return _context(tls.ca, (status.st_mtime_ns, status.st_size))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the CA file {tls.ca} can't be used", remedy="name a readable file with certificates in PEM format"
        ) from error


@lru_cache(maxsize=16)
def _context(ca: str | None, _stamp: tuple[int, int]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_ASK_CA = "name the file of the authority that issued it: RECONCILER_CA, or a target's tls: {ca: FILE}"
_CERTIFICATE = {
    9: ("certificate is not valid yet", "check the clocks of both machines"),
    10: ("certificate has expired", "renew it on the server"),
    18: ("certificate is self-signed", _ASK_CA),
    19: ("certificate comes from an unknown authority", _ASK_CA),
    20: ("certificate comes from an unknown authority", _ASK_CA),
    21: ("certificate comes from an unknown authority", _ASK_CA),
    62: ("certificate is for another host name", "use a name that it lists, or issue one for this name"),
    64: ("certificate is for another address", "use a name that it lists, or issue one for this address"),
}
_PROTOCOL = ("VERSION", "PROTOCOL", "SHARED_CIPHER", "HANDSHAKE_FAILURE")
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


def tls_failure(errors: Iterator[BaseException], where: str) -> TlsFailure | None:
    """What is wrong with the server's certificate or protocol, if one of the errors says that it is."""
    for error in errors:
        # A connection that ends within the handshake says nothing about certificates: that is the network's fault.
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            words, remedy = _words(error)
            return TlsFailure(f"{where}: {words}; no credential was sent", remedy=remedy)
    return None


def _words(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        words, remedy = _CERTIFICATE.get(error.verify_code, (f"certificate: {error.verify_message}", _ASK_CA))
        return f"the server's {words}", remedy
    reason = getattr(error, "reason", None) or ""  # one that Python made itself has none
    if any(part in reason for part in _NOT_TLS):
        return "the server doesn't speak TLS on this port", "check the port, and whether the url should start with http"
    if any(part in reason for part in _PROTOCOL):
        return "the server speaks no TLS version or cipher that is safe", "enable TLS 1.2 or newer on the server"
    return f"TLS failed ({reason or 'no reason given'})", "check the server's certificate and TLS settings"
