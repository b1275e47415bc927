"""Fresh eyes: the live side as it is right before a write, read as seldom as that allows."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterable
from typing import Any

from reconciler.api import Client
from reconciler.errors import ApiError
from reconciler.secret import Seal
from reconciler.systems.view import Unreadable, View

MAX_AGE = 10.0
"""Seconds: no declared object is written on the strength of an older read."""


class Looker:
    """Holds the newest read of each collection, with the time that it was begun (monotonic seconds)."""

    def __init__(self, client: Client, view: View, seal: Seal, read_at: float) -> None:
        self._client = client
        self._view = view
        self._seal = seal
        self._read_at = dict.fromkeys(view.collections, read_at)
        self._pending: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    @property
    def view(self) -> View:
        """The newest picture, whatever its age."""
        return self._view

    async def look(self, names: Iterable[str], not_before: float) -> View:
        """A view in which each of these collections was read after ``not_before``, and within the last 10 s."""
        oldest = max(not_before, time.monotonic() - MAX_AGE)
        await asyncio.gather(*(self._ensure(name, oldest) for name in names))
        return self._view

    def renew(self, **changes: Any) -> None:
        """Change something else in the picture (files, say); nothing that was derived from it is kept."""
        self._view = dataclasses.replace(self._view, _cache={}, **changes)

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
