"""From a request to its answer: route, log, spoil, authenticate, check, handle, keep."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.auth import authorise, identify
from reconciler.emulator.collection import Record
from reconciler.emulator.exchange import ClientGone, Exchange, drained, received, shortened, whole
from reconciler.emulator.faults import FaultRule
from reconciler.emulator.journal import redacted
from reconciler.emulator.operations import Operation, Routes
from reconciler.emulator.protocol import CONNECTION
from reconciler.emulator.schema import body_schemas, problem
from reconciler.emulator.spoil import spoilt
from reconciler.emulator.world import Call, Refusal, World

CONTROL = "/_emulator/"


class Gateway:
    """The ASGI application: control requests go to `control`, every other one to its operation."""

    def __init__(self, world: World, control: ASGIApp | None) -> None:
        self._world = world
        self._control = control
        self._routes = Routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._world.settle()
        if self._control is not None and scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
            return
        exchange, rule = self._begin(scope, receive)
        try:
            if exchange.entry.operation != "uploadInstaller":
                exchange.content = await whole(exchange.chunks)
            await asyncio.sleep(self._world.timings.latency_ms / 1000)
            response = await self._spoilt_or_answered(exchange, rule, scope)
            if response is not None:
                await response(scope, receive, send)
        except ClientGone:
            scope[CONNECTION].cut()

    def _begin(self, scope: Scope, receive: Receive) -> tuple[Exchange, FaultRule | None]:
        operation, refusal = None, None
        params: dict[str, str] = {}
        try:
            operation, params = self._routes.find(scope["method"], scope["path"])
        except Refusal as found:
            refusal = found
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        name = operation.id if operation else None
        entry = self._world.journal.begin(scope["method"], scope["path"], name)
        address = (scope.get("client") or ("",))[0]
        chunks = received(receive)
        rule = self._world.faults.take(name, scope["method"])
        if rule is not None and rule.kind == "cut_request":
            chunks = shortened(chunks, rule.fault["cut_request"])
        return Exchange(operation, query | params, refusal, entry, Headers(scope=scope), address, chunks), rule

    async def _spoilt_or_answered(self, exchange: Exchange, rule: FaultRule | None, scope: Scope) -> Any:
        if rule is None:
            return await self.answer(exchange)
        exchange.entry.fault = rule.kind
        if rule.kind == "expire_session":
            self._world.sessions.close(exchange.headers.get("apikey", ""))
        elif rule.kind == "delay":
            await asyncio.sleep(rule.fault["delay"])
        return await spoilt(rule, scope[CONNECTION], exchange, self.answer)

    async def answer(self, exchange: Exchange) -> Response:
        """Process a request and give its answer."""
        try:
            response = self._response(200, await self._handled(exchange))
        except Refusal as refusal:
            response = self._refused(refusal, exchange)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 (a server answers whatever happened)
            traceback.print_exc(file=sys.stderr)
            response = self._response(500, {self._world.options.error_key: "Unexpected event on server"})
        await drained(exchange.chunks)
        self._world.save()
        exchange.entry.status = response.status_code
        return response

    async def _handled(self, exchange: Exchange) -> Any:
        operation = exchange.operation
        if operation is None:
            raise exchange.refusal or Refusal(404, "Not Found")
        body = self._body(exchange, operation)
        self._world.settle()
        user = self._user(exchange, operation)
        self._check(operation, body)
        call = Call(
            world=self._world,
            n=exchange.entry.n,
            user=user,
            apikey=exchange.headers.get("apikey", ""),
            address=exchange.address,
            params=exchange.params,
            body=body,
            headers=exchange.headers,
            chunks=exchange.chunks,
        )
        result = operation.handler(call)
        if inspect.isawaitable(result):
            result = await result
        exchange.entry.user = call.user.get("name")
        self._world.state.dirty |= operation.writes and operation.area is not None
        return result

    def _body(self, exchange: Exchange, operation: Operation) -> Any:
        """The JSON of the body, noted in the log; an upload's name is noted instead."""
        if operation.id not in body_schemas():
            if operation.id == "uploadInstaller":
                exchange.entry.body = {"filename": exchange.headers.get("filename")}
            return None
        try:
            body = orjson.loads(exchange.content)
            exchange.entry.body = redacted(body)
        except (orjson.JSONDecodeError, RecursionError):
            return ...
        return body

    def _user(self, exchange: Exchange, operation: Operation) -> Record:
        if operation.area is None:
            return {}
        user = identify(self._world, exchange.headers.get("apikey", ""), exchange.address)
        exchange.entry.user = user["name"]
        if operation.area:
            authorise(self._world, user, operation.area, "write" if operation.writes else "read")
        return user

    def _check(self, operation: Operation, body: Any) -> None:
        schema = body_schemas().get(operation.id)
        if schema is None:
            return
        wrong = "The body isn't JSON" if body is ... else problem(schema, body)
        if wrong:
            rule = "empty-list" if body == [] else None
            raise Refusal(400, wrong, rule)

    def _refused(self, refusal: Refusal, exchange: Exchange) -> Response:
        if refusal.rule is not None:
            self._world.journal.violate(exchange.entry.n, refusal.rule, f"{exchange.entry.operation}: {refusal.text}")
        return self._response(refusal.status, {self._world.options.error_key: refusal.text})

    @staticmethod
    def _response(status: int, content: Any) -> Response:
        if content is None:
            return Response(status_code=status)
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        return Response(body, status, media_type="application/json")
