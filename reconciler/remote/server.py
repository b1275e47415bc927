"""Which daemon is meant, and what it knows us by; a token is never a flag, for flags are seen by others."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.api.address import base_of
from reconciler.errors import InputError
from reconciler.secret import Secret
from reconciler.secrets import read_setting
from reconciler.settings import variable


class Server(Struct, frozen=True):
    """A daemon's address, and how we talk to it; ``token`` None: as somebody whom it doesn't know.

    ``ca`` is a PEM file whose authorities are trusted in place of the machine's own.
    """

    url: str
    token: Secret | None = None
    ca: str | None = None
    allow_http: bool = False


def server_from(flag: str | None, environ: Mapping[str, str]) -> Server | None:
    """The server that the flag names, else ``RECONCILER_SERVER``; an empty flag overrules the variable.

    Raises InputError, which never repeats the address: it may hold a password.
    """
    url = variable(environ, "SERVER") if flag is None else flag
    if not url:
        return None
    try:
        base_of(url)
    except InputError:
        raise InputError(
            "the address of the server takes http or https and a host, and neither credentials nor a query",
            remedy="write it as --server https://HOST:PORT, or set RECONCILER_SERVER",
        ) from None
    return Server(
        url,
        read_setting(environ, "SERVER_TOKEN"),
        variable(environ, "SERVER_CA"),
        (variable(environ, "ALLOW_HTTP") or "").lower() in ("1", "true", "yes"),
    )
