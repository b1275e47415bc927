"""What happens around every request: headers that harden answers, who may call us what, failures, the log."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Collection

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.render.words import clipped, safe
from reconciler.web.operations import Services
from reconciler.web.problems import problem

log = structlog.get_logger("reconciler.web")

PROBES = frozenset({"/healthz", "/readyz"})
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What every answer has; an answer that says otherwise, such as a page, is left as it is."""


class Outer:
    """The ASGI application around all others."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        try:
            refused = self._refused(scope)
            await (refused or self._app)(scope, receive, answer.send)
        except Exception as error:
            log.error("the request failed", method=scope["method"], path=_path(scope), exc_info=error)
            if answer.status is None:
                await problem(500)(scope, receive, answer.send)
        finally:
            answer.note()

    def _refused(self, scope: Scope) -> Response | None:
        if scope["path"] in PROBES:
            return None
        if self._services.stopping.is_set():
            return problem(503, "the server is shutting down", headers={"Retry-After": "5"})
        host = Headers(scope=scope).get("host")
        if self._services.guard.open and host is not None and not local(host, self._services.settings.hosts):
            # A page of anybody's can point its own name at this address, and would then read what needs no token.
            return problem(421, "this server isn't called that; call it by its address, or configure tokens")
        return None


class _Answer:
    """An answer on its way: its status, and the headers that it gets here."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.status: int | None = None
        self._scope = scope
        self._send = send
        self._began = time.monotonic()

    async def send(self, message: Message) -> None:
        """Pass a message on, the first one with our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    def note(self) -> None:
        """Log it, without its query, where secrets may be."""
        log.debug(
            "request",
            method=self._scope["method"],
            path=_path(self._scope),
            status=self.status,
            by=self._scope.get("state", {}).get("caller"),
            seconds=round(time.monotonic() - self._began, 4),
        )


def local(host: str, names: Collection[str]) -> bool:
    """Whether a ``Host`` header is an address, ``localhost`` or one of these names; none of them can be rebound."""
    name = host.strip()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    name = name.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _path(scope: Scope) -> str:
    return clipped(safe(scope["path"]), 200)
