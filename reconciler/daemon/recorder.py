"""Which of one target's passes become history: each that did something, and each that ended otherwise than the last."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from reconciler.daemon.history import newest_outcome, record_change
from reconciler.daemon.holding import Holding
from reconciler.daemon.passing import Passed
from reconciler.daemon.roster import Entry
from reconciler.errors import StateError


class Known(Protocol):
    """Somebody who wants to know what was, before this process was."""

    def known(self, target: str, verdict: str) -> None:
        """How the last pass of an earlier process ended."""


@dataclass
class Recorder:
    """One target's; what it has recorded last is read from the state first."""

    entry: Entry
    holding: Holding
    watcher: Known
    _recorded: tuple[str, str | None] | None = None

    def forget(self) -> None:
        """Another replica may record passes meanwhile."""
        self._recorded = None

    async def record(self, passed: Passed) -> None:
        """Note the pass, unless its report is there already or nothing is new; without a state, nothing."""
        store = self.holding.store
        if store is None:
            return
        with suppress(StateError):
            if self._recorded is None:
                known = await asyncio.to_thread(newest_outcome, store)
                self._recorded = (known.verdict or "", known.start.revision) if known is not None else ("", None)
                if known is not None:
                    self.watcher.known(self.entry.name, self._recorded[0])
            now = (passed.verdict, passed.revision)
            if passed.report is None and now != self._recorded:
                await record_change(store, self.entry.mode.value, passed)
            self._recorded = now
