"""URLs: which bases are acceptable, and how a request's path joins one without ever leaving it."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote

import httpx

from reconciler.errors import InputError

_PATH = re.compile(r"(/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)(\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?")
_HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def base_of(url: str) -> httpx.URL:
    """The address of a managed system, checked: http or https, a host, no credentials, no query.

    Raises InputError, which never repeats the URL: it may hold a password.
    """
    remedy = "write it as https://HOST:PORT, with a path prefix if there is one"
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL:
        raise InputError("the url of the target can't be understood", remedy=remedy) from None
    if not usable(base):
        raise InputError("the url of the target needs http or https and a host", remedy=remedy)
    if base.userinfo:
        raise InputError(
            f"the url of {base.host} holds credentials",
            remedy="take them out: user and password have settings of their own",
        )
    if base.query or base.fragment:
        raise InputError(f"the url of {base.host} has a query or a fragment", remedy=remedy)
    return base


def usable(url: httpx.URL) -> bool:
    """Whether this is http or https, to a host and port that can exist (the library takes any and escapes it)."""
    port_fits = url.port is None or 0 < url.port < 65536
    return url.scheme in ("http", "https") and _HOST.fullmatch(url.raw_host) is not None and port_fits


def where(base: httpx.URL) -> str:
    """Host and port, for messages."""
    return f"{base.host}:{base.port or (443 if base.scheme == 'https' else 80)}"


def is_loopback(base: httpx.URL) -> bool:
    """Whether the host is this machine, by its address or as ``localhost``."""
    try:
        return ip_address(base.host).is_loopback
    except ValueError:
        return base.host == "localhost"


@lru_cache(maxsize=256)
def join(base: httpx.URL, path: str) -> httpx.URL:
    """``path`` (encoded, with or without a query) under the base's own path. Raises InputError.

    Dot segments are refused, encoded or not, as one that is resolved turns the deletion of a thing into that of
    its collection; so are empty ones.
    """
    match = _PATH.fullmatch(path)
    if match is None or _BAD_ESCAPE.search(path):
        raise InputError("a request's path has characters that no path may hold; nothing was sent")
    segments = match[1].split("/")[1:]
    if any(unquote(segment) in (".", "..") for segment in segments):
        raise InputError("a request's path has a dot segment; nothing was sent")
    if segments != [""] and "" in segments:
        raise InputError("a request's path has an empty segment; nothing was sent")
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))
