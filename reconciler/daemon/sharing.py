"""Several replicas on one state: whoever comes later gets a share of the targets, too.

A lease goes to whoever asks first, so the first replica has them all. Each replica says that it is there; one that has
more than its share gives the rest up between two passes, and leaves it alone for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
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


class Sharer(Protocol):
    """A target's loop, as far as sharing is concerned."""

    @property
    def store(self) -> Store | None:
        """Its state, once it is open."""

    async def give_up(self, seconds: float) -> None:
        """Let another replica have the target: release its lease after the pass under way, and wait so long."""


@dataclass
class Sharing:
    """``lease``: the length of a lease in seconds. ``fair`` is how many targets this replica may have."""

    lease: float
    sharers: Collection[Sharer] = ()
    fair: int | None = field(default=None, init=False)

    async def run(self) -> None:
        """Look once a lease; ends only by being cancelled."""
        while True:
            await asyncio.sleep(self.lease)
            with suppress(StateError):
                await self.balance()

    @property
    def full(self) -> bool:
        """Whether this replica has its share, and leaves what is free to others for a moment."""
        return self.fair is not None and len(self._held()) >= self.fair

    async def balance(self) -> None:
        """Say that we are there, and give up what is more than our share. Raises StateError."""
        store = next((one.store for one in self.sharers if one.store is not None), None)
        if store is None:
            return
        there = await store.announce(THERE * self.lease)
        self.fair = ceil(len(self.sharers) / there) if there > 1 else None
        surplus = self._held()[self.fair :] if self.fair is not None else []
        if surplus:
            log.info("giving targets to other replicas", targets=len(surplus), replicas=there)
            await asyncio.gather(*(one.give_up(THERE * self.lease) for one in surplus))

    def _held(self) -> list[Sharer]:
        return [one for one in self.sharers if one.store is not None and one.store.held]
