"""Events as they happen: server-sent events that end when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

import anyio
import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from reconciler.daemon.events import Feed, Happened
from reconciler.render.fields import plain
from reconciler.web import shapes
from reconciler.web.models import EventsQuery
from reconciler.web.operations import Call, Services
from reconciler.web.problems import json_response

MEDIA_TYPE = "text/event-stream"
HELLO = b"retry: 2000\n: connected\n\n"
PING = b": ping\n\n"


class EventStream(StreamingResponse):
    """Events after ``since`` (None: from now on), and those to come, until the client leaves or the server stops.

    Raises a 503 when too many listen already.
    """

    def __init__(self, services: Services, since: int | None = None) -> None:
        self._slots = services.streams
        content = events(services.control.feed, since, services.stopping, services.settings.ping)
        # A proxy that gathers the answer before it passes it on would show events late or never.
        super().__init__(content, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._slots.one():
            await super().__call__(scope, receive, send)


async def recent_or_live(call: Call) -> Response:
    """Recent events as JSON where that is preferred, else a stream."""
    since = last_seen(call.request, call.asked(EventsQuery).since)
    feed = call.control.feed
    if prefers_json(call.request.headers.get("accept", "")):
        return json_response({"items": [shapes.event(one) for one in feed.since(since or 0)]})
    if call.request.method == "HEAD":
        return Response(media_type=MEDIA_TYPE)
    return EventStream(call.services, since)


def last_seen(request: Request, since: int | None = None) -> int | None:
    """The newest event that the client knows: ``Last-Event-ID`` when it comes back, else ``since``."""
    known = request.headers.get("last-event-id", "").strip()
    return int(known) if known.isascii() and known.isdecimal() and len(known) < 17 else since


def prefers_json(accept: str) -> bool:
    """Whether an ``Accept`` header asks for JSON and not for a stream."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "application/json" in kinds and MEDIA_TYPE not in kinds


async def events(feed: Feed, since: int | None, stopping: asyncio.Event, ping: float) -> AsyncIterator[bytes]:
    """The stream's text; after ``ping`` seconds of silence a comment."""
    # Numbers start anew with the process: a number from the future is from an earlier one.
    if since is not None and since > 0 and not feed.since(since - 1):
        since = 0
    stop = asyncio.create_task(stopping.wait())
    async with aclosing(cast("AsyncGenerator[Happened]", feed.listen(since))) as happening:
        coming = asyncio.create_task(anext(happening))
        try:
            await asyncio.sleep(0)  # lets the listener begin, so that nothing is missed after the hello
            yield HELLO
            while not stop.done():
                await asyncio.wait((coming, stop), timeout=ping, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    yield frame(coming.result())
                    coming = asyncio.create_task(anext(happening))
                elif not stop.done():
                    yield PING
        finally:
            with anyio.CancelScope(shield=True):
                for task in (coming, stop):
                    task.cancel()
                await asyncio.gather(coming, stop, return_exceptions=True)


def frame(happened: Happened) -> bytes:
    """One event as the stream has it."""
    data = orjson.dumps(plain(shapes.event(happened)))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (happened.id, happened.type.encode(), data)
