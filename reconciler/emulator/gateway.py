"""From a request to its answer: route, log, spoil, handle, keep."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.base import Emulation
from reconciler.emulator.exchange import ClientGone, Exchange, drained, received, shortened, whole
from reconciler.emulator.faults import FaultRule
from reconciler.emulator.protocol import CONNECTION
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.routes import Route, Routes
from reconciler.emulator.spoil import spoilt

CONTROL = "/_emulator/"


class Gateway:
    """The ASGI application: control requests go to `control`, every other one to the emulated system."""

    def __init__(self, emulation: Emulation, control: ASGIApp | None) -> None:
        self._emulation = emulation
        self._bench = emulation.bench
        self._control = control
        self._routes = Routes(emulation.operations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._emulation.settle()
        if self._control is not None and scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
            return
        exchange, rule = self._begin(scope, receive)
        try:
            if exchange.operation is None or not exchange.operation.streams:
                exchange.content = await whole(exchange.chunks)
            self._emulation.arrived(exchange)
            await asyncio.sleep(self._emulation.latency / 1000)
            response = await self._spoilt_or_answered(exchange, rule, scope)
            if response is not None:
                await response(scope, receive, send)
                self._heard(exchange, rule, scope)
        except ClientGone:
            scope[CONNECTION].cut()
        finally:
            self._emulation.left(exchange)

    def _begin(self, scope: Scope, receive: Receive) -> tuple[Exchange, FaultRule | None]:
        operation, params, refusal = self._found(scope)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        name = operation.id if operation else None
        entry = self._bench.journal.begin(scope["method"], scope["path"], name)
        address = (scope.get("client") or ("",))[0]
        chunks = received(receive)
        rule = self._bench.faults.take(name, scope["method"])
        if rule is not None and rule.kind == "cut_request":
            chunks = shortened(chunks, rule.fault["cut_request"])
        return Exchange(operation, query | params, refusal, entry, Headers(scope=scope), address, chunks), rule

    def _found(self, scope: Scope) -> tuple[Route | None, dict[str, str], Refusal | None]:
        try:
            return *self._routes.find(scope["method"], scope["path"]), None
        except Refusal as refusal:
            return None, {}, refusal

    async def _spoilt_or_answered(self, exchange: Exchange, rule: FaultRule | None, scope: Scope) -> Any:
        if rule is None:
            return await self.answer(exchange)
        exchange.entry.fault = rule.kind
        if rule.kind == "expire_session":
            self._emulation.expire(exchange)
        elif rule.kind == "delay":
            await asyncio.sleep(rule.fault["delay"])
        return await spoilt(rule, scope[CONNECTION], exchange, self.answer)

    async def answer(self, exchange: Exchange) -> Response:
        """Process a request and give its answer."""
        try:
            response = _response(200, await self._handled(exchange))
        except Refusal as refusal:
            response = self._refused(refusal, exchange)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 (a server answers whatever happened)
            traceback.print_exc(file=sys.stderr)
            response = _response(500, self._emulation.error(500, "Unexpected event on server"))
        await drained(exchange.chunks)
        self._emulation.save()
        exchange.entry.status = response.status_code
        return response

    async def _handled(self, exchange: Exchange) -> Any:
        if exchange.operation is None:
            raise exchange.refusal or Refusal(404, "Not Found")
        return await self._emulation.handle(exchange)

    def _refused(self, refusal: Refusal, exchange: Exchange) -> Response:
        if refusal.rule is not None:
            self._bench.journal.violate(exchange.entry.n, refusal.rule, f"{exchange.entry.operation}: {refusal.text}")
        return _response(refusal.status, refusal.body or self._emulation.error(refusal.status, refusal.text))

    def _heard(self, exchange: Exchange, rule: FaultRule | None, scope: Scope) -> None:
        if (rule is None or rule.tells_the_truth) and not scope[CONNECTION].lost:
            self._emulation.heard(exchange)


def _response(status: int, content: Any) -> Response:
    if content is None:
        return Response(status_code=status)
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(body, status, media_type="application/json")
