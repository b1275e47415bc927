"""Leases: one replica at a time writes to a target, and one that was paused for too long finds out before it does.

Each take-over raises the lease's token, and each write checks the token within its own transaction: so what a former
holder still has in hand is refused. Right before a request is sent, its own clock is asked (``fence``), which it has
set from before the renewing statement was sent: so it gives up no later than the database does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Engine

from reconciler.errors import LeaseLost, StateError, StateLocked
from reconciler.store.backend import Backend
from reconciler.store.hold import Terms
from reconciler.store.postgres.clock import clock
from reconciler.store.postgres.renewal import Renewal, Term
from reconciler.store.postgres.statements import (
    ALONE,
    ANNOUNCE,
    CENSUS,
    CHECK,
    DROP,
    FORGET,
    KEEP,
    LOCK,
    MAKE,
    SEE,
    TAKE,
)

_PAUSE = 0.2


class _Taken(Struct, frozen=True):
    """What a transaction has given us, once it is committed; ``wait``: seconds before anything may be settled."""

    term: Term
    wait: float | None = None


class Leases:
    """The leases of one database that this process takes part in."""

    def __init__(self, engine: Engine, backend: Backend) -> None:
        self.engine = engine
        self.backend = backend
        self.renewal = Renewal(engine)

    def hold(self, target: str, terms: Terms) -> Lease:
        """The lease of a target, not taken yet."""
        return Lease(self, target, terms)

    def close(self) -> None:
        """End the renewing. Blocks."""
        self.renewal.close()
        self.engine.dispose()


class Lease:
    """A ``Hold``. Its term is replaced whole, by the thread that renews it and by whoever takes it or gives it up."""

    def __init__(self, leases: Leases, target: str, terms: Terms) -> None:
        self.target = target
        self.terms = terms
        self.term: Term | None = None
        self.settle_after = 0.0
        self._leases = leases
        self._margin = min(1.0, terms.lease / 10)
        self._seen: tuple[str, float] | None = None
        self._changing = threading.Lock()

    @property
    def engaged(self) -> bool:
        return self.term is not None

    @property
    def held(self) -> bool:
        term = self.term
        return term is not None and not term.lost and clock() < term.deadline - self._margin

    @property
    def holder(self) -> str | None:
        if self.held:
            return None
        if self._seen is None:
            see = {"target": self.target}
            self._transact(lambda connection: self._is_free(connection.execute(SEE, see).first()))
        return self._seen[0] if self._seen else None

    def fence(self) -> None:
        if not self.held:
            raise self._gone()

    def check(self, connection: Connection, *, order: bool) -> None:
        mine = {"target": self.target}
        connection.execute(ALONE, mine)
        if order:
            return
        term = self.term
        if term is None:
            raise self._gone()
        if connection.execute(CHECK, mine).scalar() != term.token:
            self.lose(term.token)
            raise self._gone()

    def take(self, timeout: float) -> bool:
        if self.held:
            # The token guards each write, and the renewal soon finds out: asking before every pass would only cost.
            return True
        until = time.monotonic() + timeout
        while not self._taken(patient=time.monotonic() < until):
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_PAUSE, left))
        self._leases.renewal.add(self)
        return True

    def drop(self) -> None:
        with self._changing:
            term, self.term = self.term, None
        self.settle_after, self._seen = 0.0, None
        self._leases.renewal.remove(self)
        if term is not None:
            self._transact(lambda connection: connection.execute(DROP, {"target": self.target, "token": term.token}))

    def announce(self, seconds: float) -> int:
        def work(connection: Connection) -> int:
            connection.execute(ANNOUNCE, {"name": self.terms.holder, "seconds": seconds})
            connection.execute(FORGET)
            return int(connection.execute(CENSUS).scalar_one())

        return int(self._transact(work))

    def refused(self) -> StateLocked:
        holder, expires = self._seen or ("another replica", time.time())
        return StateLocked(
            f"the target {self.target} is in use by {holder}, "
            f"whose lease runs until {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M:%S} UTC",
            remedy="Wait for it to end (--lock-timeout), or let the running daemon do it (--server).",
        )

    def renewed(self, token: int, asked: float) -> None:
        """The database has prolonged it; ``asked``: when (``clock``) that was about to be sent."""
        with self._changing:
            term = self.term
            if term is not None and term.token == token and not term.lost:
                self.term = Term(token, max(term.deadline, asked + self.terms.lease))

    def lose(self, token: int) -> None:
        """Another has taken it over."""
        with self._changing:
            term = self.term
            if term is not None and term.token == token:
                self.term = Term(token, term.deadline, lost=True)

    def _taken(self, *, patient: bool) -> bool:
        try:
            taken: _Taken | None = self._transact(self._try)
        except StateError as error:
            # A holder that was paused within a write keeps us waiting until the database ends its session.
            if patient and error.retryable:
                return False
            raise
        if taken is None:
            return False
        with self._changing:
            self.term = taken.term
        if taken.wait is not None:
            self.settle_after = time.monotonic() + taken.wait if taken.wait else 0.0
        return True

    def _try(self, connection: Connection) -> _Taken | None:
        asked = clock()
        mine = {"target": self.target}
        row = connection.execute(SEE, mine).first()
        if row is None:
            connection.execute(MAKE, mine)
        elif not self._is_free(row) and not self._is_ours(row):
            return None
        row = connection.execute(LOCK, mine).one()
        if self._is_free(row):
            wanted = {**mine, "holder": self.terms.holder, "request_deadline": self.terms.request_deadline}
            row = connection.execute(TAKE, {**wanted, "seconds": self.terms.lease}).one()
            return _Taken(Term(row.token, asked + self.terms.lease), row.wait)
        if self._is_ours(row):
            connection.execute(KEEP, {**mine, "token": row.token, "seconds": self.terms.lease})
            return _Taken(Term(row.token, asked + self.terms.lease))
        return None

    def _is_free(self, row: Any) -> bool:
        free = row is None or row.holder is None or row.left <= 0
        self._seen = None if free else (row.holder, row.expires)
        return free

    def _is_ours(self, row: Any) -> bool:
        term = self.term
        return term is not None and not term.lost and row.holder is not None and row.token == term.token

    def _transact(self, work: Callable[[Connection], Any]) -> Any:
        with self._leases.backend.reading(), self._leases.engine.begin() as connection:
            return work(connection)

    def _gone(self) -> LeaseLost:
        return LeaseLost(
            f"the lease of the target {self.target} isn't ours any more, or may not be",
            remedy="Another replica goes on; this one tries again once the lease is free.",
        )
