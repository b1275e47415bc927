"""Whether a target is this replica's to work on: its lease, taken, kept, left to others or given up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from reconciler.daemon.board import Board
from reconciler.daemon.history import newest_outcome
from reconciler.daemon.holding import Holding
from reconciler.daemon.roster import Roster
from reconciler.daemon.sharing import Sharing
from reconciler.daemon.state import Phase
from reconciler.store import Store

log = structlog.get_logger(__name__)


class Standby(Protocol):
    """Somebody who wants to know when a target is another replica's."""

    def standby(self, target: str) -> None:
        """Another replica holds the target's lease, or may."""


@dataclass
class Tenure:
    """One target's lease, as far as this replica is concerned."""

    name: str
    roster: Roster
    holding: Holding
    board: Board
    sharing: Sharing
    watcher: Standby
    _restrained_until: float = 0.0
    _passed_over: bool = False
    _seen_at: float = float("-inf")

    @property
    def pause(self) -> float:
        """Seconds between two tries to take it."""
        return self.holding.lease / 3

    async def begin(self) -> bool:
        """Whether this replica has the lease, or could take it just now. Raises StateError, InputError."""
        store = await self.holding.open_store(self.roster.target(self.name))
        if (not store.held and self._restrains()) or not await store.acquire():
            await self._stand_by(store)
            return False
        self.board.change(self.name, holder=None)
        await self._until_settleable(store.settle_after)
        return True

    def lost(self) -> None:
        """Another replica has it, or may."""
        self.board.change(self.name, phase=Phase.STANDBY, holder=None, plan=None, report=None, objects=())
        self.watcher.standby(self.name)

    async def give_up(self, seconds: float) -> None:
        """Release it, and leave it alone for so long; no pass may be under way."""
        store = self.holding.store
        if store is not None and store.held:
            self._restrained_until = time.monotonic() + seconds
            await self.holding.log_out()
            await store.release()
            self.lost()

    def _restrains(self) -> bool:
        """Whether the target is left to another replica this time: we gave it up, or have our share already."""
        if time.monotonic() < self._restrained_until:
            return True
        # Once only: nobody else may be there any more.
        self._passed_over = self.sharing.full and not self._passed_over
        return self._passed_over

    async def _until_settleable(self, moment: float) -> None:
        """What a lost holder, or a pass that died, has sent may still arrive: it is judged when that is over."""
        wait = moment - time.monotonic()
        if wait > 0:
            log.info("waiting for the last requests of a pass that was cut short", seconds=round(wait, 1))
            await asyncio.sleep(wait)

    async def _stand_by(self, store: Store) -> None:
        """What is known of the target is what its holder has written into the state; looked up once a lease."""
        shown: dict[str, Any] = {}
        if time.monotonic() - self._seen_at > self.holding.lease:
            self._seen_at = time.monotonic()
            shown = await self._from_afar(store)
        phase = self.board.targets[self.name].phase
        self.board.change(self.name, phase=Phase.STANDBY, holder=store.holder, **shown)
        if phase is not Phase.STANDBY:
            self.watcher.standby(self.name)

    async def _from_afar(self, store: Store) -> dict[str, Any]:
        newest = await asyncio.to_thread(newest_outcome, store)
        standing = await store.standing(time.time())
        shown: dict[str, Any] = {"suspension": standing.suspension, "approvals": standing.approvals}
        if newest is not None:
            shown |= {"verdict": newest.verdict, "revision": newest.start.revision, "checked_at": newest.ended}
        return shown | {"plan": None, "report": None, "objects": (), "error": None}
