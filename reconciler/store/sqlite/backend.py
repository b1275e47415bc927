"""SQLite as a backend: the file, its lock, its key, its copies."""

from __future__ import annotations

import os
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from reconciler.errors import StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store.backend import Backend, Reading, Writing
from reconciler.store.hold import Whole
from reconciler.store.sqlite.backup import backup, restore
from reconciler.store.sqlite.copies import upgrade_file
from reconciler.store.sqlite.engine import (
    as_state_error,
    check,
    locate,
    make_database,
    make_private,
    open_engine,
    open_writer,
    reading,
    require_directory,
)
from reconciler.store.sqlite.files import beside, unusable
from reconciler.store.sqlite.keys import find_keyring, make_key
from reconciler.store.sqlite.lock import FileLock
from reconciler.store.sqlite.plain import place_of, require_file

__all__ = ["Sqlite", "locate"]


class Sqlite(Backend):
    """A file."""

    remote = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = place_of(path)

    @property
    def key(self) -> Hashable:
        return self.path

    def keyring(self, given: Keyring | None) -> Keyring:
        return find_keyring(self.path, given)

    def read(self) -> Reading | None:
        try:
            if not self.path.exists():
                return None
            require_file(self.path, writable=False)
        except OSError as error:
            raise unusable(self.path, error) from None
        engine = open_engine(self.path, writable=False)
        try:
            return Reading(engine, check(engine, self.path))
        except BaseException:
            engine.dispose()
            raise

    def write(self, keyring: Keyring | None, lock_timeout: float) -> Writing:
        try:
            require_directory(self.path)
            lock = FileLock.take(beside(self.path, ".lock"), lock_timeout)
        except OSError as error:
            raise unusable(self.path, error) from None
        try:
            writer = self._writer(keyring)
            guard = _Guard(self.path, lock)
        except OSError as error:
            lock.release()
            raise unusable(self.path, error) from None
        except BaseException:
            lock.release()
            raise

        reader = open_engine(self.path, writable=True)

        def close() -> None:
            reader.dispose()
            writer.dispose()
            lock.release()

        return Writing(reader, writer, guard, lambda _target, _terms: Whole(lock.vanished, lock.stamp), close)

    def backup(self, engine: Engine, to_path: Path) -> None:
        backup(engine, self.path, to_path)

    def restore(
        self,
        from_path: Path,
        wanted: tuple[str, str],
        keyring: Keyring | None,
        *,
        other_target: bool,
        lock_timeout: float,
    ) -> None:
        restore(self.path, wanted, from_path, keyring, other_target=other_target, lock_timeout=lock_timeout)

    def explain(self, error: Exception) -> StateError:
        return as_state_error(self.path, error)

    def mark(self, connection: Connection) -> Hashable:
        # The one number says whether another connection has committed, the other whether this one has changed anything.
        raw: Any = connection.connection.driver_connection
        return (raw, connection.exec_driver_sql("PRAGMA data_version").scalar_one(), raw.total_changes)

    def passing(self, error: Exception) -> bool:
        return False

    def _writer(self, keyring: Keyring | None) -> Engine:
        if not self.path.exists():
            if keyring is None:
                make_key(self.path)
            with reading(self.path):
                make_database(self.path)
        require_file(self.path, writable=True)
        make_private(self.path)
        engine = open_writer(self.path)
        try:
            upgrade_file(engine, self.path, check(engine, self.path))
        except BaseException:
            engine.dispose()
            raise
        return engine


class _Guard:
    """Raises StateUnusable once the database or its lock is no longer the file that it was when we opened it."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock = lock
        self._file = path.stat()

    def __call__(self) -> None:
        with suppress(OSError):
            if os.path.samestat(self._file, self._path.stat()) and self._lock.in_place:
                return
        raise StateUnusable(
            f"{self._path} or its lock file was removed or replaced while in use",
            remedy="Stop this process, put the file back or restore a backup, and start again.",
        )
