"""The Control Center at work: authenticate, check, handle."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import orjson

from reconciler.emulator import switches
from reconciler.emulator.base import Controls, Emulation
from reconciler.emulator.collection import Record
from reconciler.emulator.exchange import Exchange
from reconciler.emulator.metadefender import shown
from reconciler.emulator.metadefender.auth import authorise, identify, known
from reconciler.emulator.metadefender.edit import edit
from reconciler.emulator.metadefender.invariants import Broken, Checker
from reconciler.emulator.metadefender.operations import OPERATIONS, Operation
from reconciler.emulator.metadefender.options import changed
from reconciler.emulator.metadefender.redaction import redacted
from reconciler.emulator.metadefender.replay import Recorder
from reconciler.emulator.metadefender.schema import body_schemas, problem
from reconciler.emulator.metadefender.world import Call, World
from reconciler.emulator.refusal import Refusal


class ControlCenter(Emulation):
    """Answers each request from a world."""

    operations = OPERATIONS
    has_sessions = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._world = world
        self._recorder = Recorder(world.state)
        self._checker = Checker(world.state)
        self._cleared = world.journal.cleared
        self._found: dict[int, list[Broken]] = {}

    @property
    def latency(self) -> float:
        return self._world.timings.latency_ms

    def arrived(self, exchange: Exchange) -> None:
        if self._cleared != self.bench.journal.cleared:
            self._cleared = self.bench.journal.cleared
            self._recorder.begin()
        entry, operation = exchange.entry, exchange.operation
        entry.before = self._recorder.changes() or None
        if isinstance(operation, Operation):
            entry.user = known(self._world, exchange.headers.get("apikey", ""))
            self._body(exchange, operation)
            self._found[entry.n] = self._checker.judge(entry)

    def left(self, exchange: Exchange) -> None:
        found = self._found.pop(exchange.entry.n, [])
        if found and not self.bench.journal.broke(exchange.entry.n):  # where a handler has spoken, that is enough
            for one in found:
                self.bench.journal.violate(one.n, one.rule, one.detail)

    async def handle(self, exchange: Exchange) -> Any:
        operation = exchange.operation
        assert isinstance(operation, Operation)
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

    def error(self, status: int, text: str) -> Any:
        return {self._world.options.error_key: text}

    def options(self) -> dict[str, Any]:
        return switches.shown(self._world.options) | switches.shown(self._world.timings)

    def change_options(self, settings: Mapping[str, object]) -> None:
        self._world.options, self._world.timings = changed(self._world.options, self._world.timings, settings)

    def state(self) -> dict[str, Any]:
        return shown.state(self._world)

    def edit(self, order: Mapping[str, Any]) -> int:
        return edit(self._world, order)

    def save(self) -> None:
        self._world.save()

    def settle(self) -> None:
        self._world.settle()

    def controls(self) -> Controls:
        return {
            ("POST", "sessions/expire"): lambda _: {"expired": self._world.sessions.close_all()},
            ("GET", "log"): lambda _: self._recorder.log(self.bench.journal.records()),
        }

    def expire(self, exchange: Exchange) -> None:
        self._world.sessions.close(exchange.headers.get("apikey", ""))

    def _body(self, exchange: Exchange, operation: Operation) -> Any:
        """The JSON of the body, noted in the log; an upload's name is noted instead."""
        if operation.id not in body_schemas():
            if operation.streams:
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
