"""Several replicas on one state: whoever comes later gets a share of the targets, and orders reach whoever has one.

A lease goes to whoever asks first, so the first replica has them all. Each replica says that it is there; one that has
more than its share gives the rest up between two passes, and leaves it alone for a while. What people order at one
replica is in the state, where the others look for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

import structlog

from reconciler.errors import StateError
from reconciler.store import Store

log = structlog.get_logger(__name__)

THERE = 2.0
"""For how many lengths of a lease a replica that says nothing more still counts."""
AT_ONCE = "reconcile"
"""The order to look at everything now, also at what was put off."""


class Sharer(Protocol):
    """A target's loop, as far as sharing is concerned."""

    @property
    def store(self) -> Store | None:
        """Its state, once it is open."""

    async def give_up(self, seconds: float) -> None:
        """Let another replica have the target: release its lease after the pass under way, and wait so long."""

    async def heed(self, *, everything: bool) -> None:
        """Something was ordered."""


@dataclass
class Sharing:
    """``lease``: the length of a lease in seconds. ``fair`` is how many targets this replica may have."""

    lease: float
    sharers: Mapping[str, Sharer] = field(default_factory=dict)
    fair: int | None = field(default=None, init=False)
    _heard: int | None = None
    _leaving: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _full: tuple[float, bool] = (float("-inf"), False)

    async def run(self) -> None:
        """Look three times a lease; ends only by being cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(self.lease / 3)
                with suppress(StateError):
                    await self.look(tasks)

    @property
    def full(self) -> bool:
        """Whether this replica has its share, and leaves what is free to others for a moment."""
        looked, full = self._full
        if time.monotonic() - looked > self.lease / 3:
            full = self.fair is not None and len(self._held()) >= self.fair
            self._full = (time.monotonic(), full)
        return full

    async def look(self, tasks: asyncio.TaskGroup) -> None:
        """Say that we are there, give up what is more than our share, heed orders. Raises StateError."""
        store = next((one.store for one in self.sharers.values() if one.store is not None), None)
        if store is None or not store.shared:
            return
        there = await store.announce(THERE * self.lease)
        self.fair = ceil(len(self.sharers) / there) if there > 1 else None
        for name in self._held()[self.fair :] if self.fair is not None else []:
            if name not in self._leaving:
                log.info("giving a target to another replica", target=name, replicas=there)
                self._leaving[name] = tasks.create_task(self._leave(name))
        self._heard, orders = await store.orders_since(self._heard)
        for name, mode in orders:
            if name in self.sharers:
                await self.sharers[name].heed(everything=mode.startswith(AT_ONCE))

    async def _leave(self, name: str) -> None:
        try:
            with suppress(StateError):
                await self.sharers[name].give_up(THERE * self.lease)
        finally:
            del self._leaving[name]

    def _held(self) -> list[str]:
        return [name for name, one in self.sharers.items() if one.store is not None and one.store.held]
