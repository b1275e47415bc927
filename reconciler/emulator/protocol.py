"""HTTP connections that an application can cut off in the middle.

ASGI has no word for "close without an answer": an application that just returns gets a 500 sent in its name. So the
protocol puts itself into the scope of each request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

CONNECTION = "emulator.connection"


class CuttableProtocol(H11Protocol):
    """uvicorn's own protocol for HTTP/1.1, with `scope[CONNECTION]` being the protocol itself."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.app = self._with_connection(config.loaded_app)

    def cut(self) -> None:
        """Close the connection after what is written already, and say nothing more on it."""
        self.cycle.disconnected = True
        self.transport.close()

    @property
    def gone(self) -> bool:
        """Whether the connection is closed, by either side."""
        return self.transport.is_closing()

    @property
    def lost(self) -> bool:
        """Whether the client was gone before the answer was whole."""
        return bool(self.cycle.disconnected)

    def _with_connection(self, app: ASGIApp) -> Any:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            scope[CONNECTION] = self
            await app(scope, receive, send)

        return application
