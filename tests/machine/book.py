"""What the state remembers, kept in plain data: the same contract as ``reconciler.store.Store``, at a hundredth of the
time. ``test_alike.py`` holds both against each other.

A ``Book`` is what is on the disk; a ``MemoryStore`` is one process that has it open. Each write is two crash points,
before and after the commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from reconciler.errors import LeaseLost, StateError
from reconciler.memory import Memory, OpenEntry, Owned, Sent, Unfinished
from reconciler.model import Key
from reconciler.secret import Keyring
from reconciler.store.codec import dump_fields, load_fields
from reconciler.store.facade import REQUEST_DEADLINE
from reconciler.store.records import CLOSED, GIVEN_BACK, OPEN, Approval, Entry, PassStart, Settlement
from reconciler.store.required import DAY

Point = Callable[[str], Awaitable[None]]


@dataclass
class Line:
    """One journal entry on the disk."""

    entry: Entry
    charged: int
    status: str = OPEN
    reason: str = ""


@dataclass
class Book:
    """What is on the disk."""

    lineage: str = "book"
    passes: int = 0
    lines: dict[int, Line] = field(default_factory=dict)
    owned: dict[Key, Owned] = field(default_factory=dict)
    sent: dict[Key, dict[str, Sent]] = field(default_factory=dict)
    unfinished: list[tuple[int, Key, Mapping[str, Any]]] = field(default_factory=list)
    refused: dict[str, float] = field(default_factory=dict)

    def memory(self, now: float) -> Memory:
        """The picture at ``now`` (Unix seconds)."""
        found: dict[Key, Unfinished] = {}
        made: dict[Key, Mapping[str, Any]] = {}
        for number, key, fields in sorted(self.unfinished, key=lambda one: one[0]):
            if self._creates(number):
                made[key] = fields
            else:
                found[key] = Unfinished(*key, fields)
        spent = sum(line.charged for line in self.lines.values() if line.entry.at > now - DAY)
        return Memory(
            lineage=self.lineage,
            owned=dict(sorted(self.owned.items())),
            sent={key: dict(sorted(fields.items())) for key, fields in sorted(self.sent.items())},
            unfinished=found,
            made=made,
            open=tuple(self._open()),
            spent=max(spent, 0),
        )

    def _creates(self, number: int) -> bool:
        return self.lines[number].entry.action == "create"

    def _open(self) -> list[OpenEntry]:
        return [
            OpenEntry(number, line.entry.operation, line.entry.action, line.entry.objects, line.entry.at, line.reason)
            for number, line in self.lines.items()
            if line.status not in CLOSED
        ]

    def seconds_on_its_way(self, now: float) -> float:
        """How long what was sent for an open entry may still arrive."""
        begun = [line.entry.at for line in self.lines.values() if line.status == OPEN]
        return min(max(0.0, max(begun) + REQUEST_DEADLINE - now), REQUEST_DEADLINE) if begun else 0.0

    def open_entry(self, entry: Entry) -> int:
        number = len(self.lines) + 1
        self.lines[number] = Line(replace(entry, fields={}), entry.destructive)
        for key, fields in entry.fields.items():
            self.unfinished.append((number, key, load_fields(dump_fields(fields))))
        return number

    def settle(self, number: int, settlement: Settlement, at: float) -> None:
        line = self.lines.get(number)
        if line is None:
            raise StateError(f"the journal has no entry {number}")
        if line.status in CLOSED:
            raise StateError(f"entry {number} is settled already: {line.status}")
        if settlement.status in GIVEN_BACK:
            self.unfinished = [one for one in self.unfinished if one[0] != number]
            line.charged = 0
        line.status, line.reason = settlement.status, settlement.reason
        for key in settlement.disown:
            self.owned.pop(key, None)
            self.sent.pop(key, None)
        for thing in settlement.own:
            self.own(thing)
        self.remember_ids(settlement.ids)
        for key, fingerprints in settlement.sent.items():
            self.remember_sent(key, fingerprints, at)

    def own(self, thing: Owned) -> None:
        self.owned[thing.key] = thing
        if thing.id is None:
            self.unfinished = [one for one in self.unfinished if one[1] != thing.key or self._creates(one[0])]
        else:
            self.finish(thing.key)

    def finish(self, key: Key) -> None:
        self.unfinished = [one for one in self.unfinished if one[1] != key]

    def remember_ids(self, ids: Mapping[Key, str]) -> None:
        for key, id in ids.items():
            if key in self.owned:
                self.owned[key] = replace(self.owned[key], id=id)

    def remember_sent(self, key: Key, fingerprints: Mapping[str, str], at: float) -> None:
        if fingerprints:
            self.sent.setdefault(key, {}).update({path: Sent(one, at) for path, one in fingerprints.items()})


class MemoryStore:
    """One process that has a book open. ``point`` is told of each moment at which the process may be killed."""

    damaged = 0

    def __init__(self, book: Book, keyring: Keyring, point: Point) -> None:
        self._book = book
        self._point = point
        self.keyring = keyring
        self.lineage = book.lineage
        self.settle_after = time.monotonic() + book.seconds_on_its_way(time.time())
        self._waiting: list[asyncio.Future[None]] = []
        self.lost = False
        """Whether another replica has taken the lease."""

    def waited(self) -> None:
        """It dies with its process, and leaves nothing to wait for."""

    def fence(self) -> None:
        """Raises LeaseLost once the lease is lost."""
        if self.lost:
            raise LeaseLost("the lease is lost")

    async def look(self, now: float) -> Memory:
        return self._book.memory(now)

    def memory(self, now: float) -> Memory:
        return self._book.memory(now)

    def approvals(self, now: float) -> tuple[Approval, ...]:
        return ()

    async def close(self) -> None:
        """Nothing is kept back."""

    async def begin_pass(self, start: PassStart) -> int:
        def work() -> int:
            self._book.passes += 1
            return self._book.passes

        number: int = await self._write("begin_pass", work)
        return number

    async def end_pass(
        self, pass_id: int, verdict: str, summary: Mapping[str, Any], outcomes: Sequence[Mapping[str, Any]]
    ) -> None:
        await self._write("end_pass", lambda: None)

    async def open_entry(self, entry: Entry) -> int:
        number: int = await self._write("open_entry", lambda: self._book.open_entry(entry))
        return number

    async def close_entry(self, entry_id: int, settlement: Settlement) -> None:
        at = time.time()
        await self._write("close_entry", lambda: self._book.settle(entry_id, settlement, at))

    async def settle(self, entry_id: int, settlement: Settlement, how: str) -> None:
        at = time.time()
        await self._write("settle", lambda: self._book.settle(entry_id, settlement, at))

    async def own(self, *things: Owned) -> None:
        def work() -> None:
            for thing in things:
                self._book.own(thing)

        await self._write("own", work)

    async def disown(self, *keys: Key) -> None:
        def work() -> None:
            for key in keys:
                self._book.owned.pop(key, None)

        await self._write("disown", work)

    async def disown_unfinished(self, key: Key) -> None:
        await self._write("disown_unfinished", lambda: self._book.finish(key))

    async def remember_ids(self, ids: Mapping[Key, str]) -> None:
        await self._write("remember_ids", lambda: self._book.remember_ids(ids))

    async def remember_sent(self, key: Key, fingerprints: Mapping[str, str], at: float) -> None:
        await self._write("remember_sent", lambda: self._book.remember_sent(key, fingerprints, at))

    async def _write(self, name: str, work: Callable[[], Any]) -> Any:
        await self._point(f"{name}: before the commit")
        self.fence()
        found = work()
        await self._answered()
        await self._point(f"{name}: after the commit")
        return found

    async def _answered(self) -> None:
        """As many turns of the loop as a commit in another thread takes, and together with others that wait for one, so
        that both interleave alike."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._answer)
        self._waiting.append(loop.create_future())
        await self._waiting[-1]

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
