"""How many passes go on at once, without letting slow targets keep the others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE = 5.0
"""Seconds after which a pass no longer counts: it waits for its server, and others shall not wait for it."""
LENT = 4
"""How many passes may not count, for each one that does. Without a bound, a machine that is too slow, which makes
every pass a long one, would be given ever more of them at once."""


class Slots:
    """A bound on passes at once. One that takes longer than ``patience`` gives its slot back and goes on."""

    def __init__(self, count: int, patience: float = PATIENCE) -> None:
        self._free = asyncio.Semaphore(count)
        self._lent = LENT * count
        self._patience = patience

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it for the block or for the patience, whichever ends first."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        lent = False
        timer: asyncio.TimerHandle | None = None

        def lend() -> None:
            nonlocal lent, timer
            if self._lent == 0:
                timer = loop.call_later(self._patience, lend)
                return
            lent = True
            self._lent -= 1
            self._free.release()

        timer = loop.call_later(self._patience, lend)
        try:
            yield
        finally:
            timer.cancel()
            if lent:
                self._lent += 1
            else:
                self._free.release()
