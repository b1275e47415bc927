"""Runs the application in the daemon's own event loop: bounded, and ended within seconds when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from reconciler.errors import InputError

HEAD_BYTES = 32 * 1024
"""How long a request's line and headers may be."""

HEAD_SECONDS = 10.0
"""How long a client may take to send them."""

REST_SECONDS = 5.0
"""For how long the rest of a request is read that was answered already, so that its sender comes to see the answer."""

IDLE_SECONDS = 5
STOP_SECONDS = 2
CONNECTIONS = 1000
BACKLOG = 1024


async def serve(app: Starlette, listen: str, *, on_ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serve on HOST:PORT (``[HOST]:PORT`` for IPv6, port 0 for a free one) until ``stop`` is set, then end within 3 s.

    ``on_ready`` is told the URL once requests are answered. Raises InputError when the address can't be had.
    """
    listener = await asyncio.to_thread(bind, listen)
    server = _Server(_config(app), lambda: on_ready(url_of(listener)))
    watch = asyncio.create_task(_watch(server, app, stop))
    try:
        await server.serve([listener])
    finally:
        app.state.services.stopping.set()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        server.end()
        listener.close()


def bind(listen: str) -> socket.socket:
    """A listening socket. Raises InputError."""
    try:
        family, address = _address(listen)
        # asyncio switches Nagle's algorithm off only where a socket says that it is TCP.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except (OSError, ValueError) as error:
        raise _unusable(listen, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(listen, error) from None
    listener.setblocking(False)
    return listener


def _address(listen: str) -> tuple[int, Any]:
    host, _, port = listen.rpartition(":")
    if not host or int(port) > 65535:  # which getaddrinfo would take for any host, and for another port
        raise ValueError
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    return family, address


def url_of(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class PatientNoMore(H11Protocol):
    """uvicorn's own protocol, which would wait for ever for the rest of a request's head, or read what nobody needs."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()

    def _wait_for_head(self) -> None:
        """Start the clock where only the client can go on, stop it where we can."""
        answered = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        if not answered and self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._timer is None:
            seconds = REST_SECONDS if answered else HEAD_SECONDS
            self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to the daemon and says when it serves."""

    def __init__(self, config: Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Cut off whoever is connected still."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


async def _watch(server: uvicorn.Server, app: Starlette, stop: asyncio.Event) -> None:
    await stop.wait()
    app.state.services.stopping.set()
    server.should_exit = True


def _config(app: Starlette) -> Config:
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    return Config(
        app,
        http=PatientNoMore,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


def _unusable(listen: str, error: Exception) -> InputError:
    words = getattr(error, "strerror", None) or "it is no address"
    remedy = "listen on another one (--listen HOST:PORT)"
    return InputError(f"can't listen on {listen}: {words.lower()}", remedy=remedy)
