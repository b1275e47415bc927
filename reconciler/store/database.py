"""A database that this process writes to: opened once, with one writer, for all targets that live in it."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import ClassVar

from msgspec import Struct, field

from reconciler.secret import Keyring
from reconciler.store.backend import Backend, Writing
from reconciler.store.hold import locked
from reconciler.store.writer import Writer


class Database(Struct):
    """``targets`` are those that this process has open for writing; the last one to leave closes everything."""

    backend: Backend
    opened: Writing
    writer: Writer
    targets: set[str] = field(default_factory=set)

    _open: ClassVar[dict[Hashable, Database]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def join(cls, backend: Backend, target: str, keyring: Keyring | None, lock_timeout: float) -> Database:
        """Open the database for writing, or share what this process has open.

        Raises StateLocked when another process has it to itself, or this one the target; StateUnusable.
        """
        with cls._opening:
            database = cls._open.get(backend.key)
            if database is None:
                opened = backend.write(keyring, lock_timeout)
                writer = Writer(opened.writer, backend, opened.guard)
                database = cls._open[backend.key] = cls(backend, opened, writer)
            elif target in database.targets:
                raise locked("this process already")
            database.targets.add(target)
            return database

    def leave(self, target: str) -> None:
        """Give a target up; with the last one, finish what was submitted and close. Blocks."""
        with self._opening:
            self.targets.discard(target)
            if self.targets or self._open.pop(self.backend.key, None) is None:
                return
            self.writer.close()
            self.opened.close()
