"""What stands in for the server and the state where one part of an apply is looked at alone, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from reconciler.api import Client
from reconciler.api.flows import drive
from reconciler.errors import LeaseLost, ReconcilerError
from reconciler.execute.journaling import CallJournal
from reconciler.execute.look import Looker
from reconciler.model import Key
from reconciler.secret import Seal
from reconciler.store.records import Entry, Settlement
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, Response
from tests.machine.loop import Clock
from tests.systems.kit import KEYRING, LIVE, TARGET, Answer, response


@dataclass
class Book:
    """What was written down, in order."""

    entries: list[Entry] = field(default_factory=list)
    closed: list[tuple[int, Settlement]] = field(default_factory=list)
    settled: list[tuple[int, Settlement, str]] = field(default_factory=list)
    sent: list[tuple[Key, Mapping[str, str], float]] = field(default_factory=list)
    taken: bool = False
    """Whether another replica has the state."""

    async def open_entry(self, entry: Entry) -> int:
        self.entries.append(entry)
        return len(self.entries)

    async def close_entry(self, entry_id: int, settlement: Settlement) -> None:
        if self.taken:
            raise LeaseLost("the lease is lost")
        self.closed.append((entry_id, settlement))

    async def settle(self, entry_id: int, settlement: Settlement, how: str) -> None:
        self.settled.append((entry_id, settlement, how))

    async def remember_sent(self, key: Key, fingerprints: Mapping[str, str], at: float) -> None:
        self.sent.append((key, fingerprints, at))

    @property
    def endings(self) -> list[tuple[int, str, str]]:
        return [(number, one.status, one.reason) for number, one in self.closed]


class Server:
    """In a client's place, without a network: operation → answer, or the error that befalls it. ``takes``: seconds for
    an answer, ``queued``: those that each write waits for its turn (the last one goes on)."""

    def __init__(
        self, answers: Mapping[str, Answer], *, takes: Mapping[str, float] | None = None, queued: Sequence[float] = (0,)
    ) -> None:
        self.asked: list[tuple[str, float]] = []
        self.clock = Clock()
        self._answers = {**LIVE, **answers}
        self._takes = takes or {}
        self._queued = list(queued)
        self._in_turn: dict[str, list[Answer]] = {}

    async def run(self, flow: Flow[Any], journal: CallJournal | None = None, *, polling: bool = False) -> Any:
        return await drive(flow, partial(self._perform, journal))

    async def _perform(self, journal: CallJournal | None, request: Request) -> Response:
        if journal is None or not request.write:
            return await self._send(request)
        token = await journal.before(request)
        try:
            self.clock.pass_by(self._queued.pop(0) if len(self._queued) > 1 else self._queued[0])
            journal.departs(token)
            found = await self._send(request)
        except ReconcilerError as error:
            await journal.after(token, None, error)
            raise
        await journal.after(token, found, None)
        return found

    async def _send(self, request: Request) -> Response:
        self.asked.append((request.operation, self.clock.now))
        self.clock.pass_by(self._takes.get(request.operation, 0.0))
        coming = self._in_turn.get(request.operation)
        answer = coming.pop(0) if coming else self._answers[request.operation]
        if isinstance(answer, ReconcilerError):
            raise answer
        return replace(response(answer), border=request.border)

    def in_turn(self, operation: str, answers: Sequence[Answer]) -> None:
        """The answers to the first ones."""
        self._in_turn[operation] = list(answers)

    def sent(self, operation: str) -> int:
        """How often."""
        return [name for name, _ in self.asked].count(operation)

    def looker(self, seen: View, age: float) -> Looker:
        """Who holds what was read so many seconds ago."""
        return Looker(cast(Client, self), seen, Seal(TARGET, KEYRING), self.clock.now - age)
