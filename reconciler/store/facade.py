"""The state of one target, as the rest of the program sees it: synchronous reads, durable awaited writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from reconciler.errors import StateError, StateUnusable
from reconciler.memory import Memory, Owned
from reconciler.model import Identity, Key
from reconciler.secret import Keyring
from reconciler.store import backup, history, journal, logins, ownership
from reconciler.store.database import Database
from reconciler.store.engine import check, locate, open_engine, reading, require_file
from reconciler.store.files import unusable
from reconciler.store.keys import find_keyring
from reconciler.store.picture import Picture
from reconciler.store.records import Entry, EntryRecord, PassRecord, PassStart, Settlement
from reconciler.store.seals import Seals
from reconciler.store.targets import find_target, make_target, renew_seals

T = TypeVar("T")


class Store:
    """Made by ``open`` or ``open_for_reading``.

    Reads give what is committed, and block for a moment. Writes return once they are on the disk; a cancelled one
    is carried out all the same. Times are Unix seconds. Everything may raise StateError; a write to a store that was
    opened for reading does.
    """

    def __init__(self, path: Path, engine: Engine, seals: Seals, database: Database | None) -> None:
        self.path = path
        self.damaged = 0
        """How many rows with a broken seal the last ``memory`` has passed over."""
        self._engine = engine
        self._seals = seals
        self._database = database
        self._closed = False

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
    ) -> Store:
        """Open the state of a target; for writing, it is made when it is missing.

        Waits up to ``lock_timeout`` seconds for another writer. Raises StateLocked; StateUnusable when the file is
        missing (for reading), damaged, newer than this program, of another target, or can't be read or written.
        """
        path = locate(url)
        if writable:
            return cls._open_for_writing(path, target, target_url, keyring, lock_timeout)
        store = open_for_reading(url, target, target_url, keyring)
        if store is None:
            raise StateUnusable(f"{path} holds no state of the target {target}")
        return store

    @classmethod
    def _open_for_writing(
        cls, path: Path, target: str, url: str, keyring: Keyring | None, lock_timeout: float
    ) -> Store:
        try:
            database = Database.join(path, target, keyring, lock_timeout)
        except OSError as error:
            raise unusable(path, error) from None
        try:
            keys = find_keyring(path, keyring)
            seals = database.writer.submit(lambda connection: _enter(connection, path, target, url, keys)).result()
        except BaseException:
            database.leave(target)
            raise
        return cls(path, database.engine, seals, database)

    @property
    def keyring(self) -> Keyring:
        """The keys that seal and fingerprint: the given ones, then those of the key file beside the database."""
        return self._seals.keyring

    @property
    def lineage(self) -> str:
        """A UUID, made with the state of this target and never changed."""
        return self._seals.lineage

    @property
    def commits(self) -> int:
        """How many transactions this process has committed to the database (0 when opened for reading)."""
        return self._database.writer.commits if self._database else 0

    def memory(self, now: float) -> Memory:
        """One consistent picture at ``now``. Rows with a broken seal own nothing; ``damaged`` counts them."""
        with self._reading() as connection:
            picture = Picture(connection, self._seals)
            memory = picture.memory(now)
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

    def backup(self, to_path: Path) -> None:
        """Copy the whole database, with all its targets, to a file of mode 0600. The key isn't part of it. Blocks."""
        self._require_open()
        backup.backup(self._engine, self.path, to_path)

    async def begin_pass(self, start: PassStart) -> int:
        """Note that a pass begins; gives its number."""
        return await self._write(lambda connection: history.begin_pass(connection, self._seals, start))

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

    async def open_entry(self, entry: Entry) -> int:
        """Journal a write before it is sent; gives the entry's number. On the disk when this returns."""
        return await self._write(lambda connection: journal.open_entry(connection, self._seals, entry))

    async def close_entry(self, entry_id: int, settlement: Settlement, at: float | None = None) -> None:
        """Close an entry and apply its effects, in one transaction."""
        await self.settle(entry_id, settlement, "answer", at)

    async def settle(self, entry_id: int, settlement: Settlement, how: str, at: float | None = None) -> None:
        """Close an entry that was left open or ``unknown``; ``how`` says by what or whom.

        With status ``unknown`` it goes on being listed, with its reason. Raises StateError when it is closed already.
        """
        when = _or_now(at)
        await self._write(lambda c: journal.settle(c, self._seals, entry_id, settlement, (how, when)))

    async def own(self, thing: Owned) -> None:
        """Remember an object as ours; an unfinished replacement of it is finished."""
        await self._write(lambda connection: ownership.own(connection, self._seals, thing))

    async def disown(self, kind: str, identity: Identity) -> None:
        """Give an object up without deleting it."""
        await self._write(lambda connection: ownership.disown(connection, self._seals, (kind, identity)))

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
        await self._write(lambda c: logins.remember_refused(c, self._seals, credentials_fingerprint, when))

    async def forget_refused_login(self, credentials_fingerprint: str) -> None:
        """The credentials may be tried again."""
        await self._write(lambda c: logins.forget_refused(c, self._seals, credentials_fingerprint))

    async def close(self) -> None:
        """Finish what was submitted and end the lock. May be called twice."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._leave)

    def _leave(self) -> None:
        if self._database is None:
            self._engine.dispose()
        else:
            self._database.leave(self._seals.target)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        self._require_open()
        if self._database is None:
            raise StateError("the state was opened for reading")
        return await asyncio.wrap_future(self._database.writer.submit(work))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        self._require_open()
        with reading(self.path), self._engine.begin() as connection:
            yield connection

    def _require_open(self) -> None:
        if self._closed:
            raise StateError("the state is closed")


def open_for_reading(url: str, target: str, target_url: str, keyring: Keyring | None = None) -> Store | None:
    """The state of a target as it is, beside a writer or not; None when there is none. Raises StateUnusable.

    Nothing is locked and nothing is written but SQLite's own side files.
    """
    path = locate(url)
    try:
        if not path.exists():
            return None
        require_file(path, writable=False)
    except OSError as error:
        raise unusable(path, error) from None
    engine = open_engine(path, writable=False)
    try:
        check(engine, path)
        with reading(path), engine.begin() as connection:
            seals = find_target(connection, path, target, target_url, find_keyring(path, keyring))
    except BaseException:
        engine.dispose()
        raise
    if seals is None:
        engine.dispose()
        return None
    return Store(path, engine, seals, None)


def _enter(connection: Connection, path: Path, target: str, url: str, keyring: Keyring) -> Seals:
    seals = find_target(connection, path, target, url, keyring)
    if seals is None:
        return make_target(connection, target, url, keyring)
    renew_seals(connection, seals)
    return seals


def _or_now(at: float | None) -> float:
    return time.time() if at is None else at
