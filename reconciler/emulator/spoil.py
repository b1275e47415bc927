"""What each fault does to an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reconciler.emulator.exchange import Exchange
from reconciler.emulator.faults import FaultRule
from reconciler.emulator.protocol import CuttableProtocol


class Slow:
    """An answer whose body comes one byte at a time, or ends before its time."""

    def __init__(self, response: Response, connection: CuttableProtocol, *, pause: float = 0, keep: int = -1) -> None:
        self._response = response
        self._connection = connection
        self._pause = pause
        self._keep = keep

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        start = {"type": "http.response.start", "status": self._response.status_code}
        await send({**start, "headers": self._response.raw_headers})
        body = bytes(self._response.body)
        if self._keep >= 0:
            await send({"type": "http.response.body", "body": body[: self._keep], "more_body": True})
            self._connection.cut()
            return
        await self._trickle(body, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _trickle(self, body: bytes, send: Send) -> None:
        for place in range(len(body)):
            if self._connection.gone:
                return
            await send({"type": "http.response.body", "body": body[place : place + 1], "more_body": True})
            await asyncio.sleep(self._pause)


async def spoilt(
    rule: FaultRule,
    connection: CuttableProtocol,
    exchange: Exchange,
    answer: Callable[[Exchange], Awaitable[Response]],
) -> Any:
    """What is sent in the end, an ASGI application; None if the connection is cut instead."""
    fault, kind = rule.fault, rule.kind
    made_up = kind in ("status", "body", "redirect")
    processed = fault.get("processed", False) if made_up else kind != "drop_request"
    if processed:
        response = await answer(exchange)
    else:
        async for _ in exchange.chunks:
            pass
    if made_up:
        response = _made_up(fault)
        exchange.entry.status = response.status_code
    if kind in ("drop_request", "drop_reply"):
        connection.cut()
        return None
    if kind == "cut_body":
        return Slow(response, connection, keep=fault["cut_body"])
    return Slow(response, connection, pause=fault["trickle"]) if kind == "trickle" else response


def _made_up(fault: dict[str, Any]) -> Response:
    headers = {str(name): str(value) for name, value in fault.get("headers", {}).items()}
    if "redirect" in fault:
        return Response(status_code=307, headers={"location": fault["redirect"], **headers})
    media_type = fault.get("content_type", "text/html")
    return Response(fault.get("body", ""), fault.get("status", 200), headers, media_type)
