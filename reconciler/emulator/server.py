"""Serves an emulated system over HTTP: in the foreground, in a thread, or (`running`) in its own process."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from reconciler.emulator.protocol import CuttableProtocol
from reconciler.emulator.running import Running, running

__all__ = ["Running", "bind", "parse_address", "running", "serve", "threaded"]


def parse_address(text: str) -> tuple[str, int]:
    """The host and port of HOST:PORT or [HOST]:PORT; ValueError if it isn't that."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} isn't HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def bind(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its URL; port 0 takes a free one. OSError if it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for sockets that say they are TCP, which create_server's don't: answers
    # in two writes would take 40 ms each.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    shown = f"[{host}]" if ":" in host else host
    return listener, f"http://{shown}:{listener.getsockname()[1]}"


def serve(app: ASGIApp, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then return. `announce` is called once requests will be answered."""
    server = _server(app)

    def leave(*_: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it is done, for whoever handled it before: that is nobody but this.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    announce()
    server.run(sockets=[listener])


@contextlib.contextmanager
def threaded(app: ASGIApp) -> Iterator[str]:
    """Serve from a thread of this process on a free loopback port; gives the URL."""
    listener, url = bind("127.0.0.1", 0)
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def _server(app: ASGIApp) -> uvicorn.Server:
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
