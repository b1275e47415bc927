"""Opening a SQLite file so that a commit means "on the disk", and refusing one that isn't a sound state of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from reconciler.errors import StateError, StateUnusable
from reconciler.store.required import VERSION
from reconciler.store.schema import metadata, schema_version
from reconciler.store.sqlite import dialect
from reconciler.store.sqlite.files import beside, create_private, put_in_place, tighten, unusable
from reconciler.store.sqlite.plain import connect, explained, require_content, require_sound, version_of


def locate(parsed: URL) -> Path:
    """The file that a state's URL names, with symbolic links resolved.

    Raises StateUnusable for anything but ``sqlite:///relative.db`` and ``sqlite:////absolute.db``.
    """
    if parsed.host or parsed.query or parsed.database in (None, "", ":memory:"):
        raise StateUnusable("the state's URL must name a file and nothing else", remedy="Use sqlite:///state.db.")
    try:
        return Path(str(parsed.database)).resolve()
    except (OSError, RuntimeError, ValueError):
        raise StateUnusable("the state's path can't be resolved") from None


def open_engine(path: Path, *, writable: bool, begin: str = "BEGIN") -> Engine:
    """An engine on an existing file; nothing is read yet. A file that goes missing is never made anew."""
    return create_engine(dialect.URL, creator=lambda: connect(path, writable), poolclass=QueuePool, begin=begin)


def open_writer(path: Path) -> Engine:
    """An engine whose transactions take the write lock when they begin."""
    return open_engine(path, writable=True, begin="BEGIN IMMEDIATE")


def make_database(path: Path) -> None:
    """Make an empty state under another name and rename it, so that a half-made one never has the state's name."""
    ready = beside(path, ".new")
    ready.unlink(missing_ok=True)
    beside(ready, "-wal").unlink(missing_ok=True)
    create_private(ready)
    engine = open_writer(ready)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            connection.execute(insert(schema_version).values(version=VERSION))
    finally:
        engine.dispose()
    drop_side_files(path)
    put_in_place(ready, path)


def drop_side_files(path: Path) -> None:
    """Remove what a database that is gone has left: SQLite would replay its log into the new one."""
    for suffix in ("-wal", "-shm", "-journal"):
        beside(path, suffix).unlink(missing_ok=True)


def check(engine: Engine, path: Path, *, thorough: bool = False) -> int:
    """The schema's version. Raises StateUnusable unless the file is an undamaged state that we understand."""
    require_content(path)
    with reading(path), engine.connect() as connection:
        run = partial(_rows, connection)
        require_sound(run, path, thorough=thorough)
        return version_of(run, path)


def _rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(statement)]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the database says while it is read into StateUnusable or StateError."""
    try:
        yield
    except (SQLAlchemyError, ValueError) as error:
        raise as_state_error(path, error) from None


def as_state_error(path: Path, error: Exception) -> StateError:
    """One sentence about the database's failure; never a statement or its values."""
    return explained(path, (error.orig if isinstance(error, DBAPIError) else None) or error)


def require_directory(path: Path) -> None:
    """Raises StateUnusable when the directory of a database to be is missing or can't be written."""
    if not path.parent.is_dir():
        raise StateUnusable(f"the directory {path.parent} doesn't exist", remedy="Make it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StateUnusable(f"the directory {path.parent} can't be written: permission denied")


def make_private(path: Path) -> None:
    """Take the rights of others away. By name: SQLite loses its locks when a process closes the file itself."""
    try:
        tighten(path)
    except OSError as error:
        raise unusable(path, error) from None
