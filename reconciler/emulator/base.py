"""What an emulated system is to the gateway, to the control requests and to the command line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import click

from reconciler.emulator.clock import Clock
from reconciler.emulator.exchange import Exchange
from reconciler.emulator.faults import FaultRules
from reconciler.emulator.journal import Journal
from reconciler.emulator.routes import Route

Controls: TypeAlias = Mapping[tuple[str, str], Callable[[Any], Any]]


@dataclass(kw_only=True)
class Bench:
    """What every system is watched and spoilt with, whatever it does."""

    clock: Clock = field(default_factory=Clock)
    journal: Journal = field(default_factory=Journal)
    faults: FaultRules = field(default_factory=FaultRules)


class Emulation(ABC):
    """One emulated system at work."""

    operations: Sequence[Route]
    has_sessions = False

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    @property
    @abstractmethod
    def latency(self) -> float:
        """Milliseconds before each answer."""

    def arrived(self, exchange: Exchange) -> None:
        """Look at a request as soon as it is here, whatever becomes of it."""
        return

    @abstractmethod
    async def handle(self, exchange: Exchange) -> Any:
        """Do what is asked for; gives the JSON of a 200 (bytes: as they are, None: no body), or raises Refusal."""

    @abstractmethod
    def error(self, status: int, text: str) -> Any:
        """The JSON of an error that has no body of its own."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The switches and times as they are, secrets as "***"."""

    @abstractmethod
    def change_options(self, settings: Mapping[str, object]) -> None:
        """Change some of them; ValueError names what can't be."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All data, without secrets in clear."""

    @abstractmethod
    def edit(self, order: Mapping[str, Any]) -> int:
        """Change data behind the clients' backs; tells how many objects."""

    @abstractmethod
    def save(self) -> None:
        """Keep what changed."""

    def settle(self) -> None:
        """Make happen what is due by now."""
        return

    def controls(self) -> Controls:
        """Control requests of its own, (method, path under /_emulator/) → what answers a body."""
        return {}

    def expire(self, exchange: Exchange) -> None:
        """End the session that a request is sent with, if `has_sessions`."""
        return

    def left(self, exchange: Exchange) -> None:
        """Note that a request was dealt with, however that ended."""
        return

    def heard(self, exchange: Exchange) -> None:
        """Note that the client has its answer, whole and true."""
        return


@dataclass(frozen=True)
class Start:
    """How to start a system: a folder that goes in the end, the file that keeps its data, options by name, and the
    values of its own flags by name."""

    folder: Path
    state: Path | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Emulated:
    """A system that there is an emulator of: its name, what its start line calls it, how it is started (ValueError
    where that makes no sense), its own flags, the options that make it quick enough for tests, and what judges a
    recorded log (a line for each broken rule; ValueError if it is none)."""

    name: str
    title: str
    start: Callable[[Start], Emulation]
    flags: tuple[click.Option, ...] = ()
    quick: Mapping[str, object] = field(default_factory=dict)
    check: Callable[[Any], list[str]] | None = None
