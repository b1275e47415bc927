"""What has just happened, for those who watch: a bounded memory, and a queue for each listener."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct, field

KEPT = 500
PENDING = 200
"""How many events a listener may be behind before it loses the oldest."""


class Happened(Struct, frozen=True):
    """One event: ``type`` such as ``pass-ended``, the target's name (None: the source or the process), plain data."""

    id: int
    at: float
    type: str
    target: str | None
    data: Mapping[str, Any] = field(default_factory=dict)


class Feed:
    """For one event loop. ``tell`` never blocks; a listener that doesn't keep up misses the oldest events.

    Events are numbered from ``last`` on. Where that is a time, numbers go on growing when another process takes over,
    so that nobody who asks for "since" is misled.
    """

    def __init__(self, last: int = 0) -> None:
        self._recent: deque[Happened] = deque(maxlen=KEPT)
        self._listeners: set[asyncio.Queue[Happened]] = set()
        self._last = last

    def tell(self, type: str, target: str | None = None, **data: Any) -> Happened:
        """Note an event and pass it on. ``data`` is JSON values without secrets."""
        self._last += 1
        event = Happened(self._last, time.time(), type, target, data)
        self._recent.append(event)
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
        return event

    def since(self, id: int) -> list[Happened]:
        """The events after ``id`` that are still known, oldest first."""
        return [event for event in self._recent if event.id > id]

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def listen(self, since: int | None = None) -> AsyncIterator[Happened]:
        """Events as they happen; first those after ``since``, if it is given."""
        with self._queue() as queue:
            last = 0
            for event in self.since(since) if since is not None else ():
                last = event.id
                yield event
            while True:
                event = await queue.get()
                if event.id > last:
                    yield event

    @contextmanager
    def _queue(self) -> Any:
        queue: asyncio.Queue[Happened] = asyncio.Queue(maxsize=PENDING)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
