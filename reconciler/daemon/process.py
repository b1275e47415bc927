"""The process around the daemon: its HTTP side beside it, and a stop that finishes what was begun."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from reconciler.daemon.daemon import Daemon

log = structlog.get_logger(__name__)

GRACE = 14.0
"""Seconds that calls in flight get after the first signal; with logging out, the process is gone within 25."""
CLOSING = 6.0
LAST = 24.0
"""Seconds after which the process ends whatever still hangs: a database's or a name server's answer, say."""

Part = Callable[[asyncio.Event], Awaitable[None]]
"""Something that runs beside the loops until the event is set."""


class Process:
    """Runs a daemon and its parts to their end; ``code`` is the exit code then."""

    def __init__(self, daemon: Daemon, parts: list[Part]) -> None:
        self._daemon = daemon
        self._parts = parts
        self._ending = asyncio.Event()
        self._number = 0
        self._cut_short = False

    @property
    def code(self) -> int:
        """0 when all that was begun was finished, else 128 and the signal's number."""
        return 128 + self._number if self._cut_short else 0

    async def run(self) -> None:
        """Until a signal. Raises what a part or a loop died of."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        try:
            await self._daemon.start()
            async with asyncio.TaskGroup() as tasks:
                for part in self._parts:
                    tasks.create_task(self._beside(part))
                self._main = tasks.create_task(self._daemon.run(), name="daemon")
                self._main.add_done_callback(lambda _: self._ending.set())
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await self._daemon.close()
            log.info("stopped")

    async def _beside(self, part: Part) -> None:
        await part(self._ending)
        if not self._ending.is_set():
            raise RuntimeError("a part of the process ended by itself")

    def _stop(self, number: int) -> None:
        if self._number:
            os._exit(128 + number)
        self._number = number
        log.info("stopping: what is under way is finished, nothing more is begun")
        end = threading.Timer(LAST, os._exit, [128 + number])
        end.daemon = True
        end.start()
        self._daemon.stop()
        asyncio.get_running_loop().call_later(GRACE, self._cut)

    def _cut(self) -> None:
        if not self._main.done():
            self._cut_short = True
            log.warning("what is under way is left; its journal entries stay open, and the next start settles them")
            self._main.cancel()
