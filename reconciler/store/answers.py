"""How the answers of the thread that writes reach those who wait in an event loop.

A commit answers many at once. To wake the loop for each of them, as asyncio's own bridge does, costs more than what
they have written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Answers:
    """Hands answers over, all that are there by one wake-up. For one event loop at a time."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._there: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._woken = False

    async def of(self, future: Future[T]) -> T:
        """What a thread's future gives. To cancel this cancels nothing there."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._begin_anew()
        waiting: asyncio.Future[T] = loop.create_future()

        def done(ended: Future[T]) -> None:
            self._there.append((waiting, ended))
            if not self._woken and not loop.is_closed():
                self._woken = True
                loop.call_soon_threadsafe(self._hand_over)

        future.add_done_callback(done)
        return await waiting

    def _hand_over(self) -> None:
        self._woken = False  # before the first is taken: what comes from now on wakes the loop again
        while self._there:
            waiting, ended = self._there.popleft()
            if waiting.done():
                continue
            error = ended.exception()
            if error is None:
                waiting.set_result(ended.result())
            else:
                waiting.set_exception(error)
