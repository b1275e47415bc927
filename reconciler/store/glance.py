"""The state as a plan reads it: no more than one look, and of a SQLite file without SQLAlchemy.

That would take as long to load as the plan of a thousand objects takes to make.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from reconciler.memory import Memory
from reconciler.secret import Keyring
from reconciler.store.picture import Picture, own_row
from reconciler.store.required import require_target
from reconciler.store.seals import Seals
from reconciler.store.sqlite.files import unusable
from reconciler.store.sqlite.keys import find_keyring
from reconciler.store.sqlite.plain import (
    connect,
    place_of,
    reading,
    require_content,
    require_file,
    require_sound,
    version_of,
)


class Looks(Protocol):
    """What a plan needs of a state."""

    @property
    def keyring(self) -> Keyring:
        """The keys that seal and fingerprint."""

    async def look(self, now: float) -> Memory:
        """One consistent picture at ``now`` (Unix seconds). Raises StateError."""

    async def close(self) -> None:
        """End it."""


class Glance:
    """A state in a SQLite file, open for reading. ``damaged`` counts the rows that the last look has passed over."""

    def __init__(self, connection: sqlite3.Connection, path: Path, seals: Seals) -> None:
        self.damaged = 0
        self._connection = connection
        self._path = path
        self._seals = seals

    @property
    def keyring(self) -> Keyring:
        return self._seals.keyring

    async def look(self, now: float) -> Memory:
        with reading(self._path):
            # To have texts decoded leniently takes as long as to check their seals: only where one is damaged.
            with suppress(sqlite3.OperationalError), self._strict():
                return self._memory(now)
            return self._memory(now)

    @contextmanager
    def _strict(self) -> Iterator[None]:
        lenient, self._connection.text_factory = self._connection.text_factory, str
        try:
            yield
        finally:
            self._connection.text_factory = lenient

    def _memory(self, now: float) -> Memory:
        with _transaction(self._connection):
            picture = Picture(self._connection.execute, self._seals)
            memory = picture.memory(now)
        self.damaged = picture.damaged
        return memory

    async def close(self) -> None:
        self._connection.close()


def glance_at(url: str, target: str, target_url: str, keyring: Keyring | None = None) -> Looks | None:
    """The state of a target as it is, beside a writer or not; None when there is none. Raises StateUnusable.

    Nothing is locked and nothing is written but SQLite's own side files.
    """
    path = _file(url)
    if path is None:
        from reconciler.store.facade import open_for_reading  # noqa: PLC0415 - it loads SQLAlchemy

        return open_for_reading(url, target, target_url, keyring)
    try:
        if not path.exists():
            return None
        require_file(path, writable=False)
        require_content(path)
    except OSError as error:
        raise unusable(path, error) from None
    return _opened(path, (target, target_url), keyring)


def _opened(path: Path, wanted: tuple[str, str], keyring: Keyring | None) -> Glance | None:
    with reading(path):
        connection = connect(path, writable=False)
    try:
        seals = _seals(connection, path, wanted, keyring)
    except BaseException:
        connection.close()
        raise
    if seals is None:
        connection.close()
        return None
    return Glance(connection, path, seals)


def _seals(
    connection: sqlite3.Connection, path: Path, wanted: tuple[str, str], keyring: Keyring | None
) -> Seals | None:
    with reading(path), _transaction(connection):

        def run(statement: str) -> list[Any]:
            return connection.execute(statement).fetchall()

        require_sound(run, path)
        version_of(run, path)
        row = own_row(connection.execute, wanted[0])
        keys = find_keyring(path, keyring)
        return None if row is None else require_target(row, place_of(path), *wanted, keys)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is read is of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _file(url: str) -> Path | None:
    """The file that the URL names; None where it names no file, or in a way that somebody else has to understand."""
    match = re.fullmatch(r"sqlite:///([^?]+)", url)
    if match is None or match[1] == ":memory:":
        return None
    try:
        return Path(match[1]).resolve()
    except (OSError, RuntimeError, ValueError):
        return None
