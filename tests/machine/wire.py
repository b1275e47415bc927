"""The wire without sockets: takes the place of the HTTP library under the real client, and does all that a network, a
proxy or a sick server can do to one request.

What the client builds is handed to the emulated server in the same process. Tries, deadlines, sessions, the fence and
the meaning of a status are the client's own.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import orjson

FAULTS = (
    "lost-request", "lost-reply", "unreachable", "500", "500-done", "503", "429", "truncated", "cut", "html", "null",
    "wrong-type", "wrong-items", "slow", "redirect", "expired", "empty-list", "short-list", "some-failed", "silent",
)  # fmt: skip
"""What can be done to one request.

``lost-*``: the connection breaks before or after the server has done it; ``500-done`` too, but with an answer.
``truncated``: ends before its declared length, ``cut``: without one. ``expired``: the session ends right before.
``empty-list``, ``short-list``: a read that lies. ``some-failed``: a write of several says of one that it failed, and
it wasn't done; ``silent``: it was done, and the answer doesn't mention it.
"""
SETTINGS = frozenset({"getSession", "getSessionCookie"})
READS_ONLY = frozenset({"empty-list", "short-list", "wrong-items"})
WRITES_ONLY = frozenset({"some-failed", "silent"})


@dataclass(frozen=True)
class Fault:
    """``kind`` happens to the requests ``on`` (any, read, write, or an operation), from the ``nth`` of a pass on."""

    kind: str
    on: str = "any"
    nth: int = 1
    times: int = 1


@dataclass(frozen=True)
class Edit:
    """A human's change (an order as the emulator's control requests take it) right before such a request arrives."""

    order: Mapping[str, Any]
    on: str = "any"
    nth: int = 1


@dataclass
class Outgoing:
    """A request as the client has built it; ``rests`` is when the oldest read that it rests on began."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: Any
    extensions: Mapping[str, Any]
    body: bytes = b""
    operation: str = "unknown"
    rests: int = 0


@dataclass
class Reply:
    """An answer, as far as the client asks it; ``ends`` is raised after its bytes."""

    status_code: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    ends: Exception | None = None

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        yield self.body
        if self.ends is not None:
            raise self.ends

    async def aclose(self) -> None:
        """Nothing was opened."""


class Server(Protocol):
    """The other end of the wire."""

    def operation(self, method: str, path: str) -> str: ...

    def edit(self, order: Mapping[str, Any]) -> None: ...

    def expire(self, outgoing: Outgoing) -> None: ...

    async def answer(self, outgoing: Outgoing) -> tuple[int, bytes]: ...


class Watcher(Protocol):
    """Who judges what crosses the wire, at the instant at which it does."""

    def sending(self, outgoing: Outgoing) -> Any: ...

    def arriving(self, outgoing: Outgoing) -> Any: ...

    def done(self, outgoing: Outgoing, before: Any, status: int) -> None: ...

    def answered(self, outgoing: Outgoing, begun: Any, status: int, honest: bool, sound: bool) -> None: ...

    def edited(self, order: Mapping[str, Any], edit: Callable[[], None]) -> None: ...


class Wire:
    """One process's way to the server; with ``faults`` and ``edits`` by the numbers of its requests.

    ``point`` is told of each moment at which the process may be killed.
    """

    latency = (0.001, 0.03)
    """Seconds from when a request leaves to when it arrives: at least, at most."""

    def __init__(
        self,
        server: Server,
        watcher: Watcher,
        point: Callable[[str], Awaitable[None]],
        faults: tuple[Fault, ...] = (),
        edits: tuple[Edit, ...] = (),
        chance: random.Random | None = None,
    ) -> None:
        self._server = server
        self._watcher = watcher
        self._point = point
        self._faults = faults
        self._edits = edits
        self._met: Counter[int] = Counter()
        self._chance = chance or random.Random(0)  # noqa: S311 - it guards nothing

    def build_request(
        self, method: str, url: httpx.URL, *, content: Any, headers: Mapping[str, str], timeout: Any, extensions: Any
    ) -> Outgoing:
        """As the library's."""
        return Outgoing(method, url.raw_path.decode(), headers, content, extensions)

    async def aclose(self) -> None:
        """Nothing was opened."""

    async def send(self, outgoing: Outgoing, **_: Any) -> Reply:
        """The answer, if there is one. Raises what the library raises."""
        outgoing.operation = self._server.operation(outgoing.method, outgoing.path)
        fault = self._fault(outgoing)
        if fault == "unreachable":
            begun = self._watcher.sending(outgoing)
            self._watcher.answered(outgoing, begun, 0, honest=False, sound=False)
            raise httpx.ConnectError("no route")
        await self._depart(outgoing)
        begun = self._watcher.sending(outgoing)
        await self._point(f"{outgoing.operation}: before it arrives")
        await asyncio.sleep(self._chance.uniform(*self.latency))
        await self._point(f"{outgoing.operation}: on its way")
        for edit in self._due_edits(outgoing):
            self._watcher.edited(edit.order, lambda edit=edit: self._server.edit(edit.order))  # type: ignore[misc]
        reply, sound = await self._spoilt(outgoing, fault)
        await self._point(f"{outgoing.operation}: before the answer arrives")
        honest = fault not in ("empty-list", "short-list")
        status = 0 if reply.ends else reply.status_code
        self._watcher.answered(outgoing, begun, status, honest=honest, sound=sound)
        return reply

    async def _depart(self, outgoing: Outgoing) -> None:
        trace = outgoing.extensions["trace"]
        await trace("http11.send_request_headers.started", {"request": None})
        if outgoing.content is None:
            return
        await trace("http11.send_request_body.started", {"request": _WithBody})
        if isinstance(outgoing.content, bytes):
            outgoing.body = outgoing.content
        else:
            outgoing.body = b"".join([chunk async for chunk in outgoing.content])

    async def _spoilt(self, outgoing: Outgoing, fault: str | None) -> tuple[Reply, bool]:
        """The answer, and whether it is one that may be relied on."""
        made_up = _MADE_UP.get(fault or "")
        if made_up is not None:
            return made_up, False
        if fault == "lost-request":
            raise self._broken(outgoing)
        if fault == "expired":
            self._server.expire(outgoing)
        if fault == "some-failed":
            return await self._half_done(outgoing), True
        status, body = await self._processed(outgoing)
        await self._point(f"{outgoing.operation}: done, and not answered")
        if fault == "lost-reply":
            raise self._broken(outgoing)
        if fault == "slow":
            await asyncio.sleep(4000)
        honest = fault in (None, "expired", "empty-list", "short-list", "silent")
        # Of settings, every field may be missing: an object without any can't be told from a strange one.
        honest = honest or (fault == "wrong-items" and outgoing.operation in SETTINGS)
        return _altered(fault, status, body), honest or status >= 400

    async def _half_done(self, outgoing: Outgoing) -> Reply:
        outgoing.body, left = _without_last(outgoing.body)
        if outgoing.body == b"[]" or b'"worker":[]' in outgoing.body:
            return Reply(200, _with_failure(b"null", left))
        status, body = await self._processed(outgoing)
        return Reply(status, body if status >= 400 else _with_failure(body, left))

    def _broken(self, outgoing: Outgoing) -> httpx.ReadError:
        self._watcher.answered(outgoing, None, 0, honest=False, sound=False)
        return httpx.ReadError("the connection broke")

    async def _processed(self, outgoing: Outgoing) -> tuple[int, bytes]:
        before = self._watcher.arriving(outgoing)
        status, body = await self._server.answer(outgoing)
        self._watcher.done(outgoing, before, status)
        return status, body

    def _fault(self, outgoing: Outgoing) -> str | None:
        chosen = None
        for fault in self._faults:
            if _meant(fault.on, outgoing) and fits(fault.kind, outgoing.method):
                met = self._meet(fault)
                if chosen is None and fault.nth <= met < fault.nth + fault.times:
                    chosen = fault.kind
        return chosen

    def _due_edits(self, outgoing: Outgoing) -> list[Edit]:
        meant = [edit for edit in self._edits if _meant(edit.on, outgoing)]
        return [edit for edit in meant if self._meet(edit) == edit.nth]

    def _meet(self, one: Fault | Edit) -> int:
        """How many requests it could have happened to, with this one."""
        self._met[id(one)] += 1
        return self._met[id(one)]


class _WithBody:
    headers = ((b"content-length", b"1"),)


def fits(kind: str, method: str) -> bool:
    """Whether a fault makes sense for such a request."""
    return not (kind in READS_ONLY and method != "GET") and not (kind in WRITES_ONLY and method == "GET")


def _meant(on: str, outgoing: Outgoing) -> bool:
    if on in ("read", "write"):
        return (outgoing.method == "GET") == (on == "read") and outgoing.operation not in ("login", "logout")
    return on in ("any", outgoing.operation)


def _error(status: int, **headers: str) -> Reply:
    return Reply(status, b'{"err":"not now"}', {"content-type": "application/json", **headers})


_MADE_UP = {
    "500": _error(500),
    "503": _error(503),
    "429": _error(429, **{"retry-after": "2"}),
    "redirect": Reply(307, b"", {"location": "http://elsewhere.example/"}),
}
"""Answers to requests that the server never sees."""


def _altered(fault: str | None, status: int, body: bytes) -> Reply:
    """What arrives of an answer."""
    if fault is None or status >= 400:
        return Reply(status, body)
    half = body[: len(body) // 2]
    found = {
        "500-done": _error(500),
        "truncated": Reply(status, half, ends=httpx.RemoteProtocolError("incomplete")),
        "cut": Reply(status, half),
        "html": Reply(status, b"<html><body>Sign in</body></html>", {"content-type": "text/html"}),
        "null": Reply(status, b"null"),
        "wrong-type": Reply(status, b'"yes"'),
        "silent": Reply(status, b"[]" if body[:1] == b"[" else b"{}"),
    }.get(fault)
    return found or Reply(status, _lying(fault, body))


def _lying(fault: str, body: bytes) -> bytes:
    data = json.loads(body or b"null")
    if fault == "empty-list" and isinstance(data, list | dict):
        return b"[]" if isinstance(data, list) else b"{}"
    if fault == "short-list" and isinstance(data, list):
        return orjson.dumps(data[:-1])
    if fault == "short-list" and isinstance(data, dict):
        return orjson.dumps(dict(list(data.items())[:-1]))
    if fault == "wrong-items":
        return b"[1,2]" if isinstance(data, list) else b'{"x":null}'
    return body


def _without_last(body: bytes) -> tuple[bytes, Any]:
    """A body that lists things, without the last one; and that one."""
    data = json.loads(body or b"null")
    if isinstance(data, list) and data:
        return orjson.dumps(data[:-1]), data[-1]
    if isinstance(data, dict) and data.get("worker"):
        return orjson.dumps({**data, "worker": data["worker"][:-1]}), data["worker"][-1]
    return body, None


def _with_failure(body: bytes, left: Any) -> bytes:
    """The answer, in which what was left out has failed."""
    data = json.loads(body or b"null")
    if left is None:
        return body
    if isinstance(left, dict):
        shown = {name: left[name] for name in ("display_name", "host", "port") if name in left}
        return orjson.dumps([*(data if isinstance(data, list) else ()), {**shown, "result": "failed", "error": "no"}])
    return orjson.dumps({**(data if isinstance(data, dict) else {}), str(left): "Not now"})
