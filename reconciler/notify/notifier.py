"""Tells people without ever holding up the work: queues that drop, one worker for each channel."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from reconciler.notify.changes import LASTING, Changes
from reconciler.notify.commit_status import CommitStatus
from reconciler.notify.message import Message
from reconciler.notify.tries import PAUSES, deliver

QUEUE = 200
"""Messages that may wait for a channel; then the oldest is dropped."""

_log = structlog.get_logger("reconciler.notify")


class Channel(Protocol):
    """Somebody who is told. ``targets`` empty: of all."""

    name: str
    targets: frozenset[str]

    async def send(self, message: Message) -> None:
        """One try. Raises ApiError; ``retryable`` says whether another may help."""

    async def close(self) -> None:
        """Let go of connections."""


class _Line:
    """A channel, and what waits for it."""

    def __init__(self, channel: Channel, most: int) -> None:
        self.channel = channel
        self.waiting: deque[Message] = deque()
        self.wake = asyncio.Event()
        self.busy = False
        self._most = most

    def put(self, message: Message) -> bool:
        """Whether nothing had to be dropped for it."""
        fits = len(self.waiting) < self._most
        if not fits:
            self.waiting.popleft()
        self.waiting.append(message)
        self.wake.set()
        return fits

    async def get(self) -> Message:
        """The oldest message, once there is one; the line is busy from then on."""
        self.busy = False
        while not self.waiting:
            self.wake.clear()
            await self.wake.wait()
        self.busy = True
        return self.waiting.popleft()


class Notifier:
    """For one event loop. Nothing that goes wrong with a notification is ever raised.

    ``hide`` takes secrets out of texts. ``lost`` counts by channel what was dropped or never delivered; ``on_lost`` is
    called with a channel's name and count when that grows.
    """

    def __init__(
        self,
        channels: Sequence[Channel] = (),
        status: CommitStatus | None = None,
        *,
        hide: Callable[[str], str] = str,
        on_lost: Callable[[str, int], None] | None = None,
        lasting: float = LASTING,
        pauses: Sequence[float] = PAUSES,
        queue: int = QUEUE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = [_Line(channel, queue) for channel in channels]
        self._status = status
        self._hide = hide
        self._on_lost = on_lost
        self._pauses = pauses
        self._changes = Changes(lasting, clock)
        self.lost: dict[str, int] = {}

    def tell(self, message: Message) -> bool:
        """The outcome of a pass, of every one; whether it is news (see ``Changes``) and was queued. Never blocks."""
        news = self._changes.news(message)
        if news is None:
            return False
        news = news.without(self._hide)
        for line in self._lines:
            targets = line.channel.targets
            if (not targets or news.target in targets) and not line.put(news):
                self._lose(line.channel.name)
        return True

    def revision(self, revision: str, outcomes: Mapping[str, str | None], error: str | None = None) -> None:
        """How a revision stands over all targets, for the commit's status (see ``judged``). Never blocks."""
        if self._status is not None:
            self._status.tell(revision, outcomes, error, hide=self._hide)

    def known(self, target: str, outcome: str) -> None:
        """At the start: what history says was told last, so that a restart doesn't tell it again."""
        self._changes.known(target, outcome)

    def forget(self, target: str) -> None:
        """The target is no longer configured."""
        self._changes.forget(target)

    async def run(self) -> None:
        """Deliver, until cancelled. Closes the channels at the end, so it can run once only."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._serve(line)) for line in self._lines]
                if self._status is not None:
                    tasks.append(group.create_task(self._status.run(self._pauses)))
                if not tasks:
                    await asyncio.Event().wait()
        finally:
            await self._close()

    async def drain(self, seconds: float) -> None:
        """Before the end: wait until all is delivered, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._idle():  # noqa: ASYNC110 - idle is a state of many parts, looked at for seconds at most
                    await asyncio.sleep(0.02)

    def _idle(self) -> bool:
        lines = not any(line.busy or line.waiting for line in self._lines)
        return lines and (self._status is None or self._status.idle)

    async def _serve(self, line: _Line) -> None:
        name = line.channel.name
        while True:
            message = await line.get()
            end = await deliver(partial(line.channel.send, message), name, self._pauses, target=message.target)
            if end == "delivered":
                _log.info("people were told", channel=name, target=message.target, outcome=message.outcome)
            else:
                self._lose(name)

    def _lose(self, name: str) -> None:
        self.lost[name] = self.lost.get(name, 0) + 1
        if self._on_lost is not None:
            self._on_lost(name, self.lost[name])

    async def _close(self) -> None:
        for line in self._lines:
            await line.channel.close()
        if self._status is not None:
            await self._status.close()
