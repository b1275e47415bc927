"""The state of one target as it is written: awaited, durable, and only as long as the target is ours to write to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from reconciler.errors import StateError
from reconciler.memory import Owned
from reconciler.model import Key
from reconciler.store import history, journal, logins, orders, ownership
from reconciler.store.answers import Answers
from reconciler.store.backend import Backend
from reconciler.store.database import Database
from reconciler.store.hold import Hold
from reconciler.store.reads import Reads
from reconciler.store.records import Approval, Entry, PassStart, Quarantine, Settlement, Suspension
from reconciler.store.seals import Seals
from reconciler.store.underway import UnderWay

T = TypeVar("T")

_AT_ONCE = 500
"""How many objects one transaction takes in: others wait meanwhile."""


class Writes(Reads):
    """What can be told to a state. A write returns once it is on the disk; a cancelled one is carried out all the same.

    What a pass writes needs the target's lease, and raises LeaseLost without it. What a person orders doesn't:
    ``suspend``, ``resume``, ``approve``, ``withdraw`` never, ``own``, ``disown`` and ``settle`` as long as this store
    hasn't acquired the lease. All may raise StateError; each of them does in a store that was opened for reading.
    """

    def __init__(
        self,
        backend: Backend,
        engine: Engine,
        seals: Seals,
        version: int,
        access: tuple[Database, Hold] | None,
        deadline: float = 0.0,
    ) -> None:
        super().__init__(backend, engine, seals, version)
        self._access = access
        self._begun: set[int] = set()
        self._under_way = UnderWay(deadline)
        self._answers = Answers()

    @property
    def settle_after(self) -> float:
        """When (``time.monotonic``) the last request of a pass that was cut short can have no effect any more, be it
        one of a holder that vanished or one of our own.

        What it has left open must not be settled before. 0.0: nothing was left open. For between two passes.
        """
        return max(self._access[1].settle_after, self._under_way.settle_after) if self._access else 0.0

    def waited(self) -> None:
        """``settle_after`` has passed, and no pass is at work: what it was about is waited for no more."""
        self._under_way.waited()

    def fence(self) -> None:
        """Raises LeaseLost unless the target is surely ours now; for right before a write is sent. Never blocks."""
        self._writable()[1].fence()
        self._under_way.departs()

    async def begin_pass(self, start: PassStart) -> int:
        """Note that a pass begins; gives its number."""
        number = await self._write(lambda connection: history.begin_pass(connection, self._seals, start))
        self._begun.add(number)
        return number

    async def end_pass(
        self,
        pass_id: int,
        verdict: str,
        summary: Mapping[str, Any],
        outcomes: Sequence[Mapping[str, Any]],
        at: float | None = None,
    ) -> None:
        """Note how a pass ended; ``summary`` and ``outcomes`` are JSON values without secrets."""
        end = history.PassEnd(_or_now(at), str(verdict), summary, tuple(outcomes))
        await self._write(lambda connection: history.end_pass(connection, self._seals, pass_id, end))

    async def note_order(self, start: PassStart, verdict: str, outcomes: Sequence[Mapping[str, Any]]) -> None:
        """Note in history what somebody has ordered, whoever holds the lease."""
        end = history.PassEnd(start.at, verdict, {}, tuple(outcomes))

        def work(connection: Connection) -> None:
            history.end_pass(connection, self._seals, history.begin_pass(connection, self._seals, start), end)

        await self._order(work)

    async def open_entry(self, entry: Entry) -> int:
        """Journal a write before it is sent; gives the entry's number. On the disk when this returns."""

        def work(connection: Connection) -> int:
            if entry.pass_id not in self._begun:
                journal.require_pass(connection, self._seals, entry.pass_id)
            return journal.open_entry(connection, self._seals, entry)

        number = await self._write(work)
        self._under_way.opened(number)
        return number

    async def close_entry(self, entry_id: int, settlement: Settlement, at: float | None = None) -> None:
        """Close an entry and apply its effects, in one transaction."""
        seen = ("answer", _or_now(at))
        await self._write(lambda c: journal.settle(c, self._seals, entry_id, settlement, seen))
        self._under_way.closed(entry_id)

    async def settle(self, entry_id: int, settlement: Settlement, how: str, at: float | None = None) -> None:
        """Close an entry that was left open or ``unknown``; ``how`` says by what or whom.

        With status ``unknown`` it goes on being listed, with its reason. Raises StateError when it is closed already.
        """
        seen = (how, _or_now(at))
        await self._ask(lambda c: journal.settle(c, self._seals, entry_id, settlement, seen))
        self._under_way.closed(entry_id)

    async def own(self, *things: Owned) -> None:
        """Remember objects as ours; unfinished replacements of them are finished."""
        for start in range(0, len(things), _AT_ONCE):
            await self._ask(partial(ownership.own_all, seals=self._seals, things=things[start : start + _AT_ONCE]))

    async def disown(self, *keys: Key) -> None:
        """Give objects up without deleting them."""
        for start in range(0, len(keys), _AT_ONCE):
            await self._ask(partial(ownership.disown_all, seals=self._seals, keys=keys[start : start + _AT_ONCE]))

    async def disown_unfinished(self, key: Key) -> None:
        """An unfinished replacement is no longer wanted."""
        await self._write(lambda connection: ownership.disown_unfinished(connection, self._seals, key))

    async def remember_ids(self, ids: Mapping[Key, str]) -> None:
        """Note the ids of owned objects; what isn't owned is passed over."""
        await self._write(lambda connection: ownership.remember_ids(connection, self._seals, ids))

    async def remember_sent(self, key: Key, fingerprints: Mapping[str, str], at: float) -> None:
        """Note the fingerprints, by path, of what was last sent for fields that can't be read back."""
        await self._write(lambda c: ownership.remember_sent(c, self._seals, key, fingerprints, at))

    async def remember_refused_login(self, credentials_fingerprint: str, at: float | None = None) -> None:
        """Note that these credentials were refused, so that nobody tries them again."""
        when = _or_now(at)
        await self._order(lambda c: logins.remember_refused(c, self._seals, credentials_fingerprint, when))

    async def forget_refused_login(self, credentials_fingerprint: str) -> None:
        """The credentials may be tried again."""
        await self._order(lambda c: logins.forget_refused(c, self._seals, credentials_fingerprint))

    async def suspend(self, suspension: Suspension) -> None:
        """Have nothing written to the target; replaces an earlier suspension."""
        await self._order(lambda connection: orders.suspend(connection, self._seals, suspension))

    async def resume(self) -> None:
        """End a suspension; without one nothing happens."""
        await self._order(lambda connection: orders.resume(connection, self._seals))

    async def approve(self, approval: Approval) -> None:
        """Note that a plan may be carried out; replaces an earlier approval of the same plan."""
        await self._order(lambda connection: orders.approve(connection, self._seals, approval))

    async def withdraw(self, digest: str) -> None:
        """The plan with this digest isn't approved any more, or is carried out."""
        await self._order(lambda connection: orders.withdraw(connection, self._seals, digest))

    async def quarantine(self, quarantine: Quarantine) -> None:
        """Note that an object failed; replaces what was noted of it before."""
        await self._write(lambda connection: orders.quarantine(connection, self._seals, quarantine))

    async def unquarantine(self, key: Key) -> None:
        """The object went well, or is gone; without a quarantine nothing happens."""
        await self._write(lambda connection: orders.unquarantine(connection, self._seals, key))

    async def _ask(self, work: Callable[[Connection], T]) -> T:
        """What a pass writes, and a person may order where no pass can be at work here."""
        return await self._write(work, order=self._access is not None and not self._access[1].engaged)

    async def _order(self, work: Callable[[Connection], T]) -> T:
        return await self._write(work, order=True)

    async def _write(self, work: Callable[[Connection], T], *, order: bool = False) -> T:
        self._require_open()
        database, hold = self._writable()

        def permitted(connection: Connection) -> T:
            hold.check(connection, order=order)
            return work(connection)

        return await self._answers.of(database.writer.submit(permitted))

    def _writable(self) -> tuple[Database, Hold]:
        if self._access is None:
            raise StateError("the state was opened for reading")
        return self._access


def _or_now(at: float | None) -> float:
    return time.time() if at is None else at
