"""A database that this process writes to: one lock, one engine and one writer for all targets that live in it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Engine

from reconciler.errors import StateUnusable
from reconciler.secret import Keyring
from reconciler.store.engine import (
    check,
    make_database,
    make_private,
    open_engine,
    reading,
    require_directory,
    require_file,
)
from reconciler.store.files import beside, unusable
from reconciler.store.keys import make_key
from reconciler.store.lock import FileLock, locked
from reconciler.store.writer import Writer


@dataclass(slots=True)
class Database:
    """``targets`` are those that this process has open for writing; the last one to leave closes everything."""

    path: Path
    engine: Engine
    writer: Writer
    lock: FileLock
    targets: set[str] = field(default_factory=set)

    _open: ClassVar[dict[Path, Database]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def join(cls, path: Path, target: str, keyring: Keyring | None, lock_timeout: float) -> Database:
        """Open the file for writing, making it when it is missing, or share what this process has open.

        Raises StateLocked when another process writes to it, or this one to the same target; StateUnusable.
        """
        with cls._opening:
            database = cls._open.get(path)
            if database is None:
                database = cls._open[path] = _take(path, keyring, lock_timeout)
            elif target in database.targets:
                raise locked("this process already")
            database.targets.add(target)
            return database

    def leave(self, target: str) -> None:
        """Give a target up; with the last one, finish what was submitted and end the lock. Blocks."""
        with self._opening:
            self.targets.discard(target)
            if self.targets or self._open.pop(self.path, None) is None:
                return
            self.writer.close()
            self.engine.dispose()
            self.lock.release()


def _take(path: Path, keyring: Keyring | None, lock_timeout: float) -> Database:
    require_directory(path)
    lock = FileLock.take(beside(path, ".lock"), lock_timeout)
    try:
        engine = _engine(path, keyring)
        writer = Writer(engine, path, _Guard(path, lock))
    except BaseException:
        lock.release()
        raise
    return Database(path, engine, writer, lock)


def _engine(path: Path, keyring: Keyring | None) -> Engine:
    if not path.exists():
        try:
            if keyring is None:
                make_key(path)
            with reading(path):
                make_database(path)
        except OSError as error:
            raise unusable(path, error) from None
    require_file(path, writable=True)
    make_private(path)
    engine = open_engine(path, writable=True)
    try:
        check(engine, path)
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
