"""Copies of a database that is in use; one is made before a state of an older version is upgraded."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Engine

from reconciler.errors import StateError
from reconciler.store.required import VERSION
from reconciler.store.sqlite.engine import reading
from reconciler.store.sqlite.files import beside, create_private, put_in_place
from reconciler.store.versions import upgrade

# Without a log beside it, a database can be moved, and read from anywhere.
ONE_FILE = "PRAGMA journal_mode=DELETE"


def upgrade_file(engine: Engine, path: Path, version: int) -> None:
    """Upgrade a state that an older program has made; it is kept as it was beside it, as ``state.db.v1``.

    Raises StateError, and OSError when the copy can't be made; the state is as it was then.
    """
    if version == VERSION:
        return
    kept = beside(path, f".v{version}")
    ready = beside(kept, ".new")
    try:
        copy_file(engine, path, ready)
        put_in_place(ready, kept)
    finally:
        with suppress(OSError):
            ready.unlink(missing_ok=True)
    with reading(path), engine.begin() as connection:
        upgrade(connection, version)


def copy_file(engine: Engine, path: Path, ready: Path) -> None:
    """Write all that is committed to ``ready``, a new file of mode 0600. Raises StateError, OSError."""
    ready.unlink(missing_ok=True)
    create_private(ready)
    try:
        with reading(path), engine.connect() as connection, closing(sqlite3.connect(ready)) as copy:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            source.backup(copy)
            copy.execute(ONE_FILE)
    except sqlite3.Error as error:
        raise StateError(f"the state couldn't be copied: {error}") from None
