"""Everything that is known right now, in one place: written by the loops, read by the page, the API and the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from reconciler.daemon.events import Feed
from reconciler.daemon.roster import Entry
from reconciler.daemon.state import SourceState, TargetState


class Board:
    """For one event loop. Each state is frozen, and replaced as a whole."""

    def __init__(self, entries: dict[str, Entry], where: str) -> None:
        self.feed = Feed(int(time.time() * 1000))
        self.source = SourceState(where)
        self.on_source: Callable[[SourceState], None] = lambda _: None
        self.targets = {
            entry.name: TargetState(entry.name, entry.system, entry.url, entry.mode) for entry in entries.values()
        }

    def change(self, name: str, **changes: Any) -> TargetState:
        """Note what is new about a target, and tell those who watch if it shows."""
        before = self.targets[name]
        after = self.targets[name] = replace(before, **changes)
        if (before.phase, before.verdict, before.suspension) != (after.phase, after.verdict, after.suspension):
            self.feed.tell("target", name, phase=after.phase.value, verdict=after.verdict)
        return after

    def change_source(self, **changes: Any) -> SourceState:
        """Note what is new about the source: tell ``on_source`` of each look, and those who watch if it shows."""
        before = self.source
        after = self.source = replace(before, **changes)
        if (before.revision, before.error, before.problems) != (after.revision, after.error, after.problems):
            self.feed.tell("source", revision=after.revision, sound=after.sound)
        self.on_source(after)
        return after
