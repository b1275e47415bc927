"""The thread that renews all leases of this process in one statement, however busy the event loop is."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from msgspec import Struct
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from reconciler.store.hold import Terms
from reconciler.store.postgres.clock import clock

_RENEW = text(
    """UPDATE leases SET expires = extract(epoch FROM clock_timestamp())::float8 + mine.seconds
    FROM unnest(CAST(:targets AS text[]), CAST(:tokens AS bigint[]), CAST(:seconds AS float8[]))
         AS mine (target, token, seconds)
    WHERE leases.target = mine.target AND leases.token = mine.token
    RETURNING leases.target, leases.token"""
)
_SOON = 1.0
"""After a failure the next try comes within this many seconds."""


class Term(Struct, frozen=True):
    """A lease that was taken: its token, and until when (``clock``) it is surely ours. ``lost``: another has it."""

    token: int
    deadline: float
    lost: bool = False


class Renewed(Protocol):
    """A lease, as far as its renewal is concerned."""

    target: str
    terms: Terms
    term: Term | None

    def renewed(self, token: int, asked: float) -> None:
        """The database has prolonged it; ``asked``: when (``clock``) that was about to be sent."""

    def lose(self, token: int) -> None:
        """Another has taken it over."""


class Renewal:
    """Renews each lease that was added, three times within its length; a lease that wasn't renewed is lost.

    While the database can't be reached, leases just run out on their own clock, and go on if nobody else took them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._leases: dict[str, Renewed] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._due = 0.0
        self._thread: threading.Thread | None = None

    def add(self, lease: Renewed) -> None:
        """Renew a lease that was just taken, from now on."""
        with self._changed:
            self._leases[lease.target] = lease
            self._due = min(self._due, time.monotonic() + self._pace())
            if self._thread is None:
                self._due = time.monotonic() + self._pace()
                self._thread = threading.Thread(target=self._run, name="lease-renewal", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, lease: Renewed) -> None:
        """Let it be."""
        with self._changed:
            self._leases.pop(lease.target, None)

    def close(self) -> None:
        """End the thread. Blocks while a statement runs."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _pace(self) -> float:
        return min((lease.terms.lease for lease in self._leases.values()), default=3 * _SOON) / 3

    def _run(self) -> None:
        while self._wait():
            went_well = self._renew()
            with self._changed:
                pace = self._pace()
                self._due = time.monotonic() + (pace if went_well else min(pace, _SOON))

    def _wait(self) -> bool:
        with self._changed:
            while not self._closed and (left := self._due - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._closed

    def _renew(self) -> bool:
        with self._changed:
            mine = [(lease, lease.term) for lease in self._leases.values()]
        live = [(lease, term.token) for lease, term in mine if term is not None and not term.lost]
        if not live:
            return True
        wanted = {
            "targets": [lease.target for lease, _ in live],
            "tokens": [token for _, token in live],
            "seconds": [lease.terms.lease for lease, _ in live],
        }
        asked = clock()
        try:
            with self._engine.connect() as connection:
                found = {(row.target, row.token) for row in connection.execute(_RENEW, wanted)}
        except SQLAlchemyError:
            return False
        for lease, token in live:
            if (lease.target, token) in found:
                lease.renewed(token, asked)
            else:
                lease.lose(token)
        return True
