"""Connections that tell cheaply whether the other side has closed them.

For each request the pool asks each of its idle connections, and the library's answer looks up all addresses of the
socket anew: with eight connections that is a third of what a request costs.
"""

from __future__ import annotations

import select
import socket
from typing import Any


class Backend:
    """The library's network backend, with streams of ours."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def connect_tcp(self, *where: Any, **how: Any) -> Stream:
        """A connection to a host and port."""
        return Stream(await self._inner.connect_tcp(*where, **how))

    async def connect_unix_socket(self, *where: Any, **how: Any) -> Stream:
        """A connection to a socket of this machine."""
        return Stream(await self._inner.connect_unix_socket(*where, **how))

    async def sleep(self, seconds: float) -> None:
        """Between two tries to connect."""
        await self._inner.sleep(seconds)


class Stream:
    """The library's stream; what is asked of it most often is answered here."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.read, self.write, self.aclose = inner.read, inner.write, inner.aclose
        self._socket: socket.socket | None = inner.get_extra_info("socket")
        self._poll = select.poll()
        if self._socket is not None and self._socket.fileno() >= 0:
            self._poll.register(self._socket, select.POLLIN)

    async def start_tls(self, *context: Any, **how: Any) -> Stream:
        """The same connection, encrypted."""
        return Stream(await self._inner.start_tls(*context, **how))

    def get_extra_info(self, info: str) -> Any:
        """What the library tells, and ``is_readable``: there are bytes, or the end, that nobody waits for."""
        return self._is_readable() if info == "is_readable" else self._inner.get_extra_info(info)

    def _is_readable(self) -> bool:
        if self._socket is None or self._socket.fileno() < 0:
            return True
        return bool(self._poll.poll(0))
