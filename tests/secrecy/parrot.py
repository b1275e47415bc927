"""A server that quotes back what it was sent, in every form and in every place of an answer, before the real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.secrecy.canaries import FORMS

KEYS = ("password", "api_key", "connection_key", "old_password", "new_password")
MOST = 60_000
"""Characters of a quotation."""


class Parrot:
    """Passes requests on to ``inner`` unless it ``quotes`` them (method, path): then it answers with what it was sent.

    One form and one shape after the other; ``known`` are values that it has learnt before.
    """

    def __init__(self, inner: ASGIApp, known: Iterable[str] = ()) -> None:
        self.inner = inner
        self.known = list(known)
        self.quotes: Callable[[str, str], bool] = lambda method, path: False
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith("/_emulator/") or not self.quotes(scope["method"], path):
            await self.inner(scope, receive, send)
            return
        answer = await self._answer(scope, receive)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        sent = [headers[name] for name in ("apikey", "oms-csrf-token") if name in headers]
        sent += list(_secrets(await _body(receive)))
        form = list(FORMS)[self.count % len(FORMS)]
        shape = SHAPES[self.count % len(SHAPES)]
        self.count += 1
        words = " ".join(f"{number} {FORMS[form](value)}" for number, value in enumerate([*sent, *self.known]))
        return shape(words[:MOST], headers.get("apikey", ""))


def _told(status: int, key: str) -> Callable[[str, str], Response]:
    return lambda words, apikey: _json({key: words, "api_key": apikey, "more": [words]}, status)


def _json(content: Any, status: int) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _header(text: str) -> str:
    return text.encode("ascii", "ignore").decode().replace("\n", " ").replace("\r", " ")[:4000]


SHAPES: list[Callable[[str, str], Response]] = [
    _told(400, "err"),
    _told(500, "message"),
    _told(404, "unheard-of"),
    _told(405, "detail"),
    _told(409, "error"),
    _told(422, "response"),
    lambda words, apikey: Response(words, 503, media_type="text/plain"),
    lambda words, apikey: Response(f"<html><p>{words}</p></html>", 500, media_type="text/html"),
    lambda words, apikey: Response(f"<html><p>{words}</p></html>", 200, media_type="text/html"),
    lambda words, apikey: _json(words, 200),
    lambda words, apikey: Response("no", 200, {"content-type": _header(words)}),
    lambda words, apikey: Response("no", 200, {"content-encoding": apikey}),
    lambda words, apikey: Response("", 307, {"location": f"https://{apikey}.example/?{_header(words)}"}),
    lambda words, apikey: Response(words, 429, {"retry-after": "0", "x-words": _header(words)}),
    lambda words, apikey: Response(f"\r\n\x1b[2J\x1b]0;{words}\x07\r\n", 400, media_type="text/plain"),
]
"""How an answer repeats it: words and the key of the session → answer."""


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _secrets(body: bytes) -> Iterator[str]:
    try:
        data = json.loads(body)
    except ValueError:
        return
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict):
            yield from (str(one[key]) for key in KEYS if key in one)
