"""How an apply ends when it is told to: the first signal finishes what is under way, the second one ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from reconciler.execute import Scheduler

GRACE = 18.0
"""Seconds that calls in flight get; with logging out, the process is gone within 25."""


class Stopping:
    """Listens for SIGINT and SIGTERM while a plan is carried out. ``say`` tells people about it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._number = 0

    @property
    def code(self) -> int:
        """The exit code of an interrupted apply, 0 if it wasn't."""
        return 128 + self._number if self._number else 0

    def watch(self, scheduler: Scheduler) -> None:
        """From now on, a signal stops this scheduler. Called within the task that may be cancelled."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: int) -> None:
            if self._number:
                os._exit(128 + number)
            self._number = number
            self._say("Stopping: what is under way is finished, nothing more is begun. Once more to end at once.")
            scheduler.stop()
            loop.call_later(GRACE, task.cancel)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
