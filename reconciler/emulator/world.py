"""One emulated Control Center: its data, its switches, its clock, and what was asked of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.emulator.collection import Listing, Record
from reconciler.emulator.faults import FaultRules
from reconciler.emulator.journal import Journal
from reconciler.emulator.options import Options, Timings
from reconciler.emulator.sessions import Clock, Lockouts, Sessions
from reconciler.emulator.state import State


@dataclass
class World:
    """All that a handler may read and change."""

    state: State
    spool: Path
    options: Options = field(default_factory=Options)
    timings: Timings = field(default_factory=Timings)
    clock: Clock = field(default_factory=Clock)
    journal: Journal = field(default_factory=Journal)
    faults: FaultRules = field(default_factory=FaultRules)
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


class Refusal(Exception):
    """The request is answered with `status` and `text`. A `rule` says that the client ought to have known better."""

    def __init__(self, status: int, text: str, rule: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.rule = rule
