"""The way in: opens the state of one target, for reading or for writing, and says whose turn it is to write."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from reconciler.errors import StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store.backend import Backend, Reading
from reconciler.store.database import Database
from reconciler.store.hold import Hold, Terms, Whole, default_holder
from reconciler.store.journal import seconds_on_its_way
from reconciler.store.place import Place
from reconciler.store.required import VERSION
from reconciler.store.seals import Seals
from reconciler.store.targets import find_target, make_target, renew_seals
from reconciler.store.urls import backend_of
from reconciler.store.writes import Writes

LEASE = 15.0
REQUEST_DEADLINE = 30.0


class Store(Writes):
    """Made by ``open``, ``join`` or ``open_for_reading``. Times are Unix seconds where nothing else is said.

    A target has one writer: with SQLite whoever has the file, with PostgreSQL whoever holds the target's lease, which
    a thread renews. ``holder`` names us to others (host:pid if it isn't given); after ``lease`` seconds of silence
    another may take over; ``request_deadline`` is how many seconds after it was begun a request of ours can have
    an effect at most.
    """

    @classmethod
    def open(
        cls,
        url: str,
        target: str,
        target_url: str,
        keyring: Keyring | None = None,
        *,
        writable: bool,
        lock_timeout: float = 0.0,
        holder: str | None = None,
        lease: float = LEASE,
        request_deadline: float = REQUEST_DEADLINE,
    ) -> Store:
        """Open the state of a target; for writing, it is made when it is missing, and the lease is taken.

        Waits up to ``lock_timeout`` seconds for another writer. Blocks. Raises StateLocked; StateUnusable when it is
        missing (for reading), damaged, newer than this program, of another target, or can't be read or written.
        """
        if not writable:
            store = open_for_reading(url, target, target_url, keyring)
            if store is None:
                raise StateUnusable(f"{backend_of(url).place} holds no state of the target {target}")
            return store
        terms = Terms(holder or default_holder(), lease, request_deadline)
        return cls._joined(backend_of(url), (target, target_url), keyring, terms, lock_timeout)

    @classmethod
    def join(
        cls,
        url: str,
        target: str,
        target_url: str,
        keyring: Keyring | None = None,
        *,
        holder: str | None = None,
        lease: float = LEASE,
        request_deadline: float = REQUEST_DEADLINE,
    ) -> Store:
        """Open the state for reading and for what people order, whoever holds the lease; ``acquire`` takes that.

        Blocks. Raises StateUnusable, and with SQLite, where nobody else may write, StateLocked.
        """
        terms = Terms(holder or default_holder(), lease, request_deadline)
        return cls._joined(backend_of(url), (target, target_url), keyring, terms, None)

    @classmethod
    def _joined(
        cls, backend: Backend, wanted: tuple[str, str], keyring: Keyring | None, terms: Terms, patience: float | None
    ) -> Store:
        """``patience``: how many seconds to wait for the lease; None: it isn't taken."""
        target = wanted[0]
        database = Database.join(backend, target, keyring, patience or 0.0)
        try:
            keys = backend.keyring(keyring)
            hold = database.opened.hold(target, terms)
            seals = database.writer.submit(lambda c: _enter(c, backend.place, wanted, keys, hold)).result()
            if isinstance(hold, Whole):
                look = partial(_settle_after, seals=seals, terms=terms, vanished=hold.vanished)
                hold.settle_after = database.writer.submit(look).result()
            if patience is not None and not hold.take(patience):
                raise hold.refused()
        except BaseException:
            database.leave(target)
            raise
        return cls(backend, database.opened.reader, seals, VERSION, (database, hold), terms.request_deadline)

    @property
    def commits(self) -> int:
        """How many transactions this process has committed to the database (0 when opened for reading)."""
        return self._access[0].writer.commits if self._access else 0

    @property
    def held(self) -> bool:
        """Whether the target is surely ours to write to now. Asks no database."""
        return self._access is not None and not self._closed and self._access[1].held

    @property
    def holder(self) -> str | None:
        """Who writes to the target, if it isn't us, as the last ``acquire`` saw it.

        Before one, asks the database: blocks, and may raise StateError.
        """
        return self._writable()[1].holder

    async def acquire(self) -> bool:
        """Take the lease, or make sure of it, unless another has it. With SQLite always True. May raise StateError."""
        self._require_open()
        return await asyncio.to_thread(self._writable()[1].take, 0.0)

    async def release(self) -> None:
        """Give the lease up, so that another can take over at once; no request may be under way any more.

        Without one nothing happens; with SQLite neither, where ``close`` ends the lock. May raise StateError.
        """
        self._require_open()
        await asyncio.to_thread(_give_up, *self._writable())

    async def announce(self, seconds: float) -> int:
        """Say that this replica is there for so many seconds; gives how many are. With SQLite always 1."""
        self._require_open()
        return await asyncio.to_thread(self._writable()[1].announce, seconds)

    def backup(self, to_path: Path) -> None:
        """Copy the whole database, with all its targets, to a file of mode 0600. The key isn't part of it. Blocks.

        Raises StateError, and InputError where the database is another server's to copy.
        """
        self._require_open()
        self._backend.backup(self._engine, to_path)

    async def close(self) -> None:
        """Finish what was submitted, end lease and lock. May be called twice, and with the database gone."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._leave)

    def _leave(self) -> None:
        if self._access is None:
            self._engine.dispose()
            return
        database, hold = self._access
        # A lease that can't be given up runs out by itself.
        with suppress(StateError):
            _give_up(database, hold)
        database.leave(self._seals.target)


def open_for_reading(url: str, target: str, target_url: str, keyring: Keyring | None = None) -> Store | None:
    """The state of a target as it is, beside a writer or not; None when there is none. Raises StateUnusable.

    Nothing is locked and nothing is written but SQLite's own side files.
    """
    backend = backend_of(url)
    found = backend.read()
    if found is None:
        return None
    try:
        seals = _seals(backend, found, (target, target_url), keyring)
    except BaseException:
        found.engine.dispose()
        raise
    if seals is None:
        found.engine.dispose()
        return None
    return Store(backend, found.engine, seals, found.version, None)


def restore(
    url: str,
    target: str,
    target_url: str,
    from_path: Path,
    keyring: Keyring | None = None,
    *,
    other_target: bool = False,
    lock_timeout: float = 0.0,
) -> None:
    """Put a backup in the state's place, for all targets that it holds; the old file is kept with ``.bak`` added.

    With ``other_target``, a backup that doesn't know the target is taken too, and one that knows it under
    another URL takes the new URL over: what was owned there counts as owned here.
    Raises StateLocked; StateUnusable when the backup is damaged, newer than this program, sealed with a key that
    isn't here, or of another target; InputError where the database is another server's. Nothing is changed then.
    """
    backend_of(url).restore(
        from_path, (target, target_url), keyring, other_target=other_target, lock_timeout=lock_timeout
    )


def _give_up(database: Database, hold: Hold) -> None:
    # A write that nobody waits for any more is carried out all the same, and needs the lease.
    database.writer.flush()
    hold.drop()


def _seals(backend: Backend, found: Reading, wanted: tuple[str, str], keyring: Keyring | None) -> Seals | None:
    with backend.reading(), found.engine.begin() as connection:
        return find_target(connection, backend.place, *wanted, backend.keyring(keyring))


def _settle_after(connection: Connection, seals: Seals, terms: Terms, vanished: float | None) -> float:
    """When (``time.monotonic``) what the last writer of a file has left open can be settled."""
    wait = seconds_on_its_way(connection, seals, time.time(), terms.request_deadline, vanished)
    return time.monotonic() + wait if wait else 0.0


def _enter(connection: Connection, place: Place, wanted: tuple[str, str], keyring: Keyring, hold: Hold) -> Seals:
    seals = find_target(connection, place, *wanted, keyring)
    if seals is None:
        with suppress(IntegrityError), connection.begin_nested():
            return make_target(connection, *wanted, keyring)
        # Another replica was a moment faster.
        seals = find_target(connection, place, *wanted, keyring)
        assert seals is not None
    hold.check(connection, order=True)
    renew_seals(connection, seals)
    return seals
