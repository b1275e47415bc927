"""A scripted HTTP server on loopback, and a small system to log in to: what the client is tested against."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reconciler.api import Client, Limits, Tls, make_http
from reconciler.errors import LoginRefused
from reconciler.secret import Secret
from reconciler.wire import Flow, Request, Response, Session

QUICK = Limits(request=8.0, connect=8.0, upload=8.0, backoff=0.01, patience=0.05, failures=100, logout=0.3)


@dataclass
class Seen:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    writer: asyncio.StreamWriter


@dataclass
class Reply:
    """``length`` overrides the honest content-length; ``hang_up`` closes the connection afterwards."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    hang_up: bool = False

    def encode(self) -> bytes:
        length = len(self.body) if self.length is None else self.length
        headers = {"content-type": "application/json", "content-length": str(length), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Words", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


Handler = Callable[[Seen], Awaitable[Reply | None]]


class Server:
    """Answers with what the handler returns; None hangs up without an answer."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[Seen] = []
        self.connections = 0
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[str]:
        return [f"{seen.method} {seen.target}" for seen in self.seen]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(method, target, headers, body, writer)
        self.seen.append(seen)
        reply = await self.handler(seen)
        if reply is not None:
            writer.write(reply.encode())
            await writer.drain()
        return reply is not None and not reply.hang_up


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def listening(connected: Connected, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serves connections with a coroutine each; gives the port, and leaves nothing open."""
    tasks: set[asyncio.Task[None]] = set()

    async def one_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await connected(reader, writer)
        finally:
            writer.transport.abort() if tls else writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(one_connection(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(handler)
    async with listening(server.connected, tls=tls) as port:
        server.port = port
        server.scheme = "https" if tls else "http"
        yield server


def script(*replies: Reply | None) -> Handler:
    """Answers in this order, the last one for ever."""
    left = list(replies)

    async def handler(_: Seen) -> Reply | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return handler


class Key:
    """A system that knows us by a key, and says ``err``."""

    operations = frozenset({"login", "logout"})
    own_user: str | None = None

    def __init__(self, key: str = "key-1") -> None:
        self.key = Secret(key)

    def static_headers(self) -> Mapping[str, Secret] | None:
        return {"apikey": self.key}

    def login(self) -> Flow[Mapping[str, Secret]]:
        yield Request("login", "POST", "/never")
        raise AssertionError("a key needs no login")

    def logout(self) -> Flow[None]:
        yield Request("logout", "POST", "/never")
        raise AssertionError("a key needs no logout")

    def probe(self) -> Request:
        return Request("probe", "GET", "/probe")

    def suspects(self, response: Response) -> bool:
        return response.status in (400, 401, 403)

    def proves_expired(self, response: Response) -> bool:
        return response.status in (400, 401, 403)

    def error_text(self, response: Response) -> str:
        return response.text


class Password(Key):
    """A system that is logged in to."""

    def static_headers(self) -> Mapping[str, Secret] | None:
        return None

    def login(self) -> Flow[Mapping[str, Secret]]:
        body = json.dumps({"password": self.key.reveal()}).encode()
        response = yield Request("login", "POST", "/login", body=body, session=Session.NONE)
        if response.status != 200:
            raise LoginRefused("the credentials were refused", status=response.status, text=response.text)
        return {"apikey": Secret(response.json()["session_id"])}

    def logout(self) -> Flow[None]:
        yield Request("logout", "POST", "/logout")


class SessionServer:
    """Hands out sessions s1, s2, …; ``status`` is how it answers a request without the current one."""

    def __init__(self, status: int = 403, refuse: bool = False) -> None:
        self.status = status
        self.refuse = refuse
        self.number = 0
        self.valid = ""
        self.logins = 0
        self.done: list[str] = []

    def expire(self) -> None:
        self.valid = ""

    async def __call__(self, seen: Seen) -> Reply:
        if seen.target == "/login":
            self.logins += 1
            await asyncio.sleep(0.01)
            if self.refuse:
                return Reply(403, b'{"err": "bad"}')
            self.number += 1
            self.valid = f"s{self.number}"
            return Reply(body=json.dumps({"session_id": self.valid}).encode())
        if not self.valid or seen.headers.get("apikey") != self.valid:
            return Reply(self.status, b'{"err": "no session"}')
        self.done.append(f"{seen.method} {seen.target}")
        if seen.target == "/logout":
            self.expire()
        return Reply(404 if seen.target == "/missing" else 400 if seen.target == "/invalid" else 200)


def get(path: str = "/thing", **more: Any) -> Request:
    return Request("read", "GET", path, **more)


def put(path: str = "/thing", **more: Any) -> Request:
    return Request("change", "PUT", path, body=b'{"a": 1}', write=True, **more)


def one(request: Request) -> Flow[Response]:
    response = yield request
    return response


@asynccontextmanager
async def client_of(url: str, auth: Key | None = None, **more: Any) -> AsyncIterator[Client]:
    options = {"read_only": False, "limits": QUICK, **more}
    http = make_http(url, tls=options.pop("tls", Tls()), proxy=options.pop("proxy", None))
    client = Client(http, url, auth or Key(), **options)
    try:
        yield client
    finally:
        await client.close()


def go(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine, at most 15 s."""
    asyncio.run(asyncio.wait_for(main, 15))
