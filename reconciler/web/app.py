"""The application: the API's routes from their table, the pages behind them, and what surrounds both."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from reconciler.daemon.control import Control
from reconciler.web import document
from reconciler.web.auth import Guard
from reconciler.web.operations import Operation, Services
from reconciler.web.outer import Outer
from reconciler.web.pages import routes as page_routes
from reconciler.web.problems import Refusal, on_http_exception, on_refusal
from reconciler.web.settings import WebSettings
from reconciler.web.table import OPERATIONS


def create_app(control: Control, settings: WebSettings) -> Starlette:
    """The application for one event loop. ``app.state.services`` holds what the pages share with the API;
    once ``app.state.services.stopping`` is set, streams end and nothing new is begun."""
    guard = Guard(settings)
    services = Services(control, settings, guard)
    services.document = orjson.dumps(document.make(OPERATIONS))
    app = Starlette(
        routes=[*api_routes(services), *page_routes(control, settings, guard)],
        middleware=[Middleware(Outer, services=services)],
        exception_handlers={Refusal: on_refusal, HTTPException: on_http_exception},
    )
    app.router.redirect_slashes = False
    app.state.services = services
    return app


def api_routes(services: Services) -> list[BaseRoute]:
    """A route for each path of the table, and none for anything else below ``/api``."""
    paths: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, []).append(operation)
    known = [Route(path, Path(found, services)) for path, found in paths.items()]
    return [*known, Mount("/api", Router(redirect_slashes=False))]


class Path:
    """One path's operations, by method. An ASGI application, since Starlette passes those all methods."""

    def __init__(self, operations: Sequence[Operation], services: Services) -> None:
        self._services = services
        self._operations = {operation.method: operation for operation in operations}
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises a 405."""
        operation = self._operations.get(scope["method"])
        if operation is None:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self._operations))})
        response = await operation.answer(self._services, Request(scope, receive))
        await response(scope, receive, send)
