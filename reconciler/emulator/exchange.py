"""A request on its way to an answer, and its body as it comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive

from reconciler.emulator.journal import Entry
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.routes import Route

LARGEST_CONTENT = 64 * 1024 * 1024


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


@dataclass(slots=True)
class Exchange:
    """One request on its way to an answer. Its body is in `content` or, of what streams, still in `chunks`. `told` is
    what the answer tells the client, for who needs to know whether it arrived."""

    operation: Route | None
    params: dict[str, str]
    refusal: Refusal | None
    entry: Entry
    headers: Headers
    address: str
    chunks: AsyncIterator[bytes]
    content: bytes = b""
    told: Any = None


async def received(receive: Receive) -> AsyncIterator[bytes]:
    """The chunks of a request's body; ClientGone where it ends too early."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def shortened(chunks: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The first `size` bytes of `chunks`, though all of them are taken."""
    async for chunk in chunks:
        if size > 0:
            yield chunk[:size]
        size -= len(chunk)


async def drained(chunks: AsyncIterator[bytes]) -> None:
    """Take the rest of a body, so that a client that is still sending gets to read the answer."""
    async for _ in chunks:
        pass


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """All of a body; nothing of one that is above LARGEST_CONTENT bytes."""
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        if size <= LARGEST_CONTENT:
            parts.append(chunk)
    return b"".join(parts) if size <= LARGEST_CONTENT else b""
