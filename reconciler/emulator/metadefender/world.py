"""One emulated Control Center: its data, its switches, its clock, and what was asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.emulator.base import Bench
from reconciler.emulator.collection import Listing, Record
from reconciler.emulator.metadefender.options import Options, Timings
from reconciler.emulator.metadefender.sessions import Lockouts, Sessions
from reconciler.emulator.metadefender.state import State


@dataclass
class World(Bench):
    """All that a handler may read and change."""

    state: State
    spool: Path
    options: Options = field(default_factory=Options)
    timings: Timings = field(default_factory=Timings)
    listings: dict[str, Listing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.clock)
        self.lockouts = Lockouts(self.clock)

    def settle(self) -> None:
        """Make happen what is due by now."""
        self.state.advance(self.clock.now())

    def save(self) -> None:
        """Keep what changed."""
        self.state.save(self.clock.now())


@dataclass(slots=True)
class Call:
    """Request number `n` to a handler. `user` is empty where no login is needed; `body` is the checked JSON of a
    write."""

    world: World
    n: int
    user: Record
    apikey: str
    address: str
    params: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    @property
    def state(self) -> State:
        """The data of the world."""
        return self.world.state

    @property
    def options(self) -> Options:
        """The switches of the world, as they are now."""
        return self.world.options

    def violate(self, rule: str, detail: str) -> None:
        """Note that this request breaks a rule, though it isn't refused as a whole."""
        self.world.journal.violate(self.n, rule, detail)
