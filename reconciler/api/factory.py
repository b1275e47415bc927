"""The hardened HTTP client that all edges share: nothing comes from the environment, nothing is followed or kept."""

from __future__ import annotations

import logging
import sys
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from typing import Any

import httpx

from reconciler.api.address import base_of, is_loopback, usable
from reconciler.api.streams import Backend
from reconciler.api.tls import Tls, context_for
from reconciler.errors import InputError

if find_spec("sniffio") is None:
    # httpcore tries to import it for each connection and lock, and Python searches for what isn't there anew each time.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# Seconds. Less than the 5 after which Node.js and uvicorn close, so that a write rarely meets a closing connection.
KEEPALIVE = 4.0


class Pool(httpx.AsyncClient):
    """A client that can be told to rest; ``transport`` are the arguments of its transport."""

    def __init__(self, transport: dict[str, Any], **more: Any) -> None:
        self._connections = _Connections(**transport)
        super().__init__(transport=self._connections, trust_env=False, **more)

    async def send(self, request: httpx.Request, *, stream: bool = False, **more: Any) -> httpx.Response:
        """As the library's; with ``stream``, straight from a connection.

        Redirects, cookies and authentication, which the library sees to on the way, are never wanted then.
        """
        if not stream or self.is_closed:
            return await super().send(request, stream=stream, **more)
        return await self._connections.handle_async_request(request)

    async def rest(self) -> None:
        """Close all connections, if nobody uses one right now."""
        await self._connections.rest()


class _Connections(httpx.AsyncHTTPTransport):
    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        pool: Any = self._pool
        pool._network_backend = Backend(pool._network_backend)  # noqa: SLF001 - the transport passes none on

    async def rest(self) -> None:
        # The library closes what has expired when the next request comes. Until then, a thousand targets would hold
        # thousands of descriptors, and their buffers.
        if all(connection.is_idle() for connection in self._pool.connections):
            await self._pool.aclose()


def make_http(
    url: str, *, tls: Tls, proxy: str | None = None, connections: int = 4, user_agent: str = "reconciler"
) -> Pool:
    """A connection pool for one target; the caller closes it (a Client that was given it does).

    ``proxy`` is an http or https URL and may hold credentials. Raises InputError for plain HTTP to another
    machine (unless ``tls.allow_http``), for a URL that can't be used and for an unusable CA file.
    """
    base = base_of(url)
    if base.scheme == "http" and not (tls.allow_http or is_loopback(base)):
        raise InputError(
            f"credentials would go to {base.host} unencrypted",
            remedy="use https, or permit it: RECONCILER_ALLOW_HTTP=1, or a target's tls: {allow_http: true}",
        )
    # None makes the library load no certificates, which http:// doesn't need and which takes 20 ms.
    verify: Any = context_for(tls) if base.scheme == "https" else None
    transport = {
        "verify": verify,
        "proxy": _proxy(proxy, tls) if proxy else None,
        "trust_env": False,
        "limits": httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE
        ),
    }
    http = Pool(
        transport,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": user_agent, "accept": "application/json", "accept-encoding": "identity"},
    )
    _silence()
    return http


def _proxy(url: str, tls: Tls) -> httpx.Proxy:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if not usable(parsed):
        raise InputError("the proxy's url can't be used", remedy="write it as http://HOST:PORT")
    return httpx.Proxy(parsed, ssl_context=context_for(tls) if parsed.scheme == "https" else None)


def _silence() -> None:
    """Switch the libraries' own loggers off: at debug level they print headers. ``Hooks.on_call`` has what we log."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("httpx", "httpcore"):
            logging.getLogger(name).disabled = True
