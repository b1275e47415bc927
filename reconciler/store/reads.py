"""The state of one target as it is read: synchronous, consistent, and never more than what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from reconciler.errors import StateError
from reconciler.memory import Memory
from reconciler.secret import Keyring
from reconciler.store import history, journal, logins, orders
from reconciler.store.backend import Backend
from reconciler.store.picture import Picture, Things
from reconciler.store.records import Approval, EntryRecord, PassRecord, Quarantine, Standing, Suspension
from reconciler.store.seals import Seals

T = TypeVar("T")

MANY = 1000
"""From so many objects on, it is quicker to keep what was read than to read it in each pass; of fewer, not to keep it
saves memory where there are a thousand targets."""

_WITH_ORDERS = 2
"""The version of the schema that brought suspensions, approvals and quarantines."""


class Reads:
    """What can be asked of a state. Each read blocks for a moment; all may raise StateError."""

    def __init__(self, backend: Backend, engine: Engine, seals: Seals, version: int) -> None:
        self.damaged = 0
        """How many rows with a broken seal the last ``memory`` has passed over."""
        self._backend = backend
        self._engine = engine
        self._seals = seals
        self._version = version
        self._closed = False
        self._known: tuple[Hashable, Things] | None = None

    @property
    def where(self) -> str:
        """Where the state lies, for people: a path, or a database's address without its password."""
        return str(self._backend.place)

    @property
    def keyring(self) -> Keyring:
        """The keys that seal and fingerprint: the given ones, then those of the key file beside the database."""
        return self._seals.keyring

    @property
    def lineage(self) -> str:
        """A UUID, made with the state of this target and never changed."""
        return self._seals.lineage

    async def look(self, now: float) -> Memory:
        """``memory``, without holding up the event loop where the database is far away."""
        return await asyncio.to_thread(self.memory, now) if self._backend.remote else self.memory(now)

    def memory(self, now: float) -> Memory:
        """One consistent picture at ``now``. Rows with a broken seal own nothing; ``damaged`` counts them.

        Of many objects, what was read last counts as long as nobody has committed anything since.
        """
        with self._reading() as connection:
            picture, mark = Picture(partial(_rows, connection), self._seals), self._backend.mark(connection)
            things = self._known[1] if self._known is not None and self._known[0] == mark else picture.things()
            memory = picture.memory(now, things)
        self._known = (mark, things) if mark is not None and len(things.owned) >= MANY else None
        self.damaged = picture.damaged
        return memory

    def history(self, limit: int = 100) -> list[PassRecord]:
        """The newest passes, newest first."""
        with self._reading() as connection:
            return history.passes_of(connection, self._seals, limit)

    def entries(self, *, open_only: bool = False, limit: int = 1000) -> list[EntryRecord]:
        """The newest journal entries, newest first; ``open_only``: those that are open or ``unknown``."""
        with self._reading() as connection:
            return journal.entries_of(connection, self._seals, open_only=open_only, limit=limit)

    def refused_login(self, credentials_fingerprint: str) -> float | None:
        """When a login with these credentials was refused; None when none was."""
        with self._reading() as connection:
            return logins.refused_at(connection, self._seals, credentials_fingerprint)

    def suspension(self, now: float) -> Suspension | None:
        """The suspension at ``now`` (Unix seconds); one whose record is damaged counts, and its reason says so."""
        return self._ordered(lambda connection: orders.suspension(connection, self._seals, now), None)

    def approvals(self, now: float) -> tuple[Approval, ...]:
        """The approvals that stand at ``now`` (Unix seconds), oldest first."""
        return self._ordered(lambda connection: orders.approvals_of(connection, self._seals, now), ())

    def quarantines(self) -> tuple[Quarantine, ...]:
        """All quarantines, also those whose time is over: their failures still count."""
        return self._ordered(lambda connection: orders.quarantines_of(connection, self._seals), ())

    async def standing(self, now: float) -> Standing:
        """All three in one transaction, without holding up the event loop where the database is far away."""
        return await asyncio.to_thread(self._standing, now) if self._backend.remote else self._standing(now)

    def _standing(self, now: float) -> Standing:
        def read(connection: Connection) -> Standing:
            return Standing(
                orders.suspension(connection, self._seals, now),
                orders.approvals_of(connection, self._seals, now),
                orders.quarantines_of(connection, self._seals),
            )

        return self._ordered(read, Standing())

    @property
    def shared(self) -> bool:
        """Whether other processes may write to it at the same time."""
        return self._backend.remote

    async def orders_since(self, number: int | None) -> tuple[int, list[tuple[str, str]]]:
        """What was ordered of any target of the database since; None: only where to begin. (target, mode) of each."""

        def read() -> tuple[int, list[tuple[str, str]]]:
            with self._reading() as connection:
                if number is None:
                    return history.newest_pass(connection), []
                return history.orders_since(connection, number)

        return await asyncio.to_thread(read)

    def _ordered(self, read: Callable[[Connection], T], none: T) -> T:
        """``none`` from a state that an older program has made and nobody has written to since."""
        with self._reading() as connection:
            return read(connection) if self._version >= _WITH_ORDERS else none

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        self._require_open()
        with self._backend.reading(), self._engine.begin() as connection:
            yield connection

    def _require_open(self) -> None:
        if self._closed:
            raise StateError("the state is closed")


def _rows(connection: Connection, statement: str, given: tuple[str, ...]) -> Iterator[Sequence[Any]]:
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    for part in connection.exec_driver_sql(statement.replace("?", mark), given).partitions(1000):
        yield from part
