"""What goes on after a call was acknowledged: one poll of a collection serves everybody who waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from reconciler.execute.look import Looker
from reconciler.steps import Status
from reconciler.systems.base import Kind, Said, Verb, Waiting, Work


class Settling:
    """Waits for works to settle. ``deadline`` in monotonic seconds; ``pause`` is the time between two polls."""

    def __init__(self, looker: Looker, deadline: float, pause: float) -> None:
        self._looker = looker
        self._deadline = deadline
        self._pause = pause
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Wait no longer: whatever isn't settled now is left as it is."""
        self._stopped.set()

    async def wait(
        self, kind: Kind, verb: Verb, work: Work, since: float, tell: Callable[[str], None]
    ) -> tuple[Status, str | None]:
        """DONE, FAILED with the server's words, or PROGRESSING with the last status word when time is up."""
        assert kind.polls is not None
        not_before = since
        while True:
            view = await self._looker.look([kind.polls], not_before)
            found = kind.settled(verb, work, view)
            if not isinstance(found, Waiting):
                return (Status.DONE, None) if found.said is Said.DONE else (Status.FAILED, found.error)
            text = self._looker.quoted(found.text)
            tell(text)
            if self._stopped.is_set():
                return Status.PROGRESSING, f"interrupted before it was settled: {text}"
            if time.monotonic() >= self._deadline:
                return Status.PROGRESSING, f"not settled in time: {text}"
            half = time.monotonic() + self._pause / 2
            await self._rest(min(self._pause, max(0.05, self._deadline - time.monotonic())))
            # A rest that was cut short asks for no look from a moment to come: it would be read again until then.
            not_before = min(half, time.monotonic())

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
