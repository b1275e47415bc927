"""Fresh eyes: the live side as it is right before a write, read as seldom as that allows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from reconciler.api import Client
from reconciler.errors import ApiError
from reconciler.forms import Finder
from reconciler.secret import SHOWN, Seal
from reconciler.systems.view import Unreadable, View
from reconciler.wire import one_line

MAX_AGE = 10.0
"""Seconds: no declared object is written on the strength of an older read."""
ROUNDS = 3
"""How often to read what grows old while others are read: a server may take longer than that for every read."""

MOMENT = 2.0
"""Seconds in which a write may begin in any case: with a server that slow, everything that was read is old."""

MOST_QUOTED = 600
"""Characters of an error: the server's words and ours around them."""


class Looker:
    """Holds the newest read of each collection, with the time that it was begun (monotonic seconds)."""

    def __init__(self, client: Client, view: View, seal: Seal, read_at: float) -> None:
        self._client = client
        self._view = view
        self._seal = seal
        self._read_at = dict.fromkeys(view.collections, read_at)
        self._secrets: Finder | None = None
        self._pending: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    def quoted(self, words: str) -> str:
        """The server's words on one bounded line, without our secrets: it may quote what it was sent."""
        if self._secrets is None:
            self._secrets = Finder(secret.reveal() for secret in self._view.values.values())
        return one_line(self._secrets.covered(words, SHOWN), MOST_QUOTED)

    @property
    def view(self) -> View:
        """The newest picture, whatever its age."""
        return self._view

    async def look(self, names: Iterable[str], not_before: float) -> View:
        """A view in which each of these collections was read after ``not_before``, and within the last 10 s."""
        names = list(names)
        for _ in range(ROUNDS):
            oldest = max(not_before, time.monotonic() - MAX_AGE)
            await asyncio.gather(*(self._ensure(name, oldest) for name in names))
            # While one of them was slow, the others may have grown old.
            if all(self._read_at[name] >= time.monotonic() - MAX_AGE for name in names):
                break
        return self._view

    def good_until(self, names: Iterable[str]) -> float:
        """When (monotonic seconds) what was read of these collections last is too old to write by."""
        now = time.monotonic()
        oldest = min((self._read_at[name] for name in names), default=now)
        return max(oldest + MAX_AGE, now + MOMENT)

    def renew(self, **changes: Any) -> None:
        """Change something else in the picture (files, say); nothing that was derived from it is kept."""
        self._view = replace(self._view, _cache={}, **changes)

    async def _ensure(self, name: str, oldest: float) -> None:
        while self._read_at.get(name, float("-inf")) < oldest:
            pending = self._pending.get(name)
            if pending is None or pending[0] < oldest:
                begun = time.monotonic()
                pending = (begun, asyncio.ensure_future(self._fetch(name, begun)))
                self._pending[name] = pending
            await asyncio.shield(pending[1])

    async def _fetch(self, name: str, begun: float) -> None:
        try:
            flow = self._view.system.collections[name].fetch(self._seal)
            found: Any = await self._client.run(flow, polling=True)
        except ApiError as error:
            found = Unreadable(error.message)
        if self._read_at.get(name, float("-inf")) <= begun:
            self._read_at[name] = begun
            self.renew(collections={**self._view.collections, name: found})
