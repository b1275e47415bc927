"""Opening a SQLite file so that a commit means "on the disk", and refusing one that isn't a sound state of ours."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from reconciler.errors import StateError, StateUnusable
from reconciler.store.place import Place
from reconciler.store.schema import VERSION, metadata, schema_version
from reconciler.store.sqlite.files import beside, create_private, put_in_place, tighten, unusable
from reconciler.store.versions import version_in

_BUSY_MS = 10_000
_BEGIN = "begin"
RESTORE = "Put a backup in its place (state restore), or move it away to begin with a state that owns nothing."


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


def open_engine(path: Path, *, writable: bool) -> Engine:
    """An engine on an existing file; nothing is read yet. A file that goes missing is never made anew."""
    engine = create_engine("sqlite://", creator=lambda: _connect(path, writable), poolclass=QueuePool)
    # sqlite3's own transaction handling knows neither IMMEDIATE nor savepoints.
    event.listen(engine, "begin", _begin)
    return engine


def immediate(engine: Engine) -> Engine:
    """The same engine for a writer: its transactions take the write lock when they begin."""
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def make_database(path: Path) -> None:
    """Make an empty state under another name and rename it, so that a half-made one never has the state's name."""
    ready = beside(path, ".new")
    ready.unlink(missing_ok=True)
    beside(ready, "-wal").unlink(missing_ok=True)
    create_private(ready)
    engine = open_engine(ready, writable=True)
    try:
        with immediate(engine).begin() as connection:
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
    if path.stat().st_size == 0:
        raise StateUnusable(f"{path} is empty", remedy=RESTORE)
    with reading(path), engine.connect() as connection:
        pragma = "integrity_check" if thorough else "quick_check"
        if connection.exec_driver_sql(f"PRAGMA {pragma}(1)").scalar() != "ok":
            raise damaged(path)
        # A row whose target's name was damaged would be seen by nobody: an open entry must not vanish like that.
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise damaged(path)
        _require_whole(connection, path)
        return version_in(connection, place_of(path))


def _require_whole(connection: Connection, path: Path) -> None:
    # SQLite takes what is missing of the last page for zeros. While there is a log, the file may lag behind it.
    size, pages = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_size", "page_count"))
    log = beside(path, "-wal")
    if (not log.exists() or log.stat().st_size == 0) and path.stat().st_size < size * pages:
        raise damaged(path)


def place_of(path: Path) -> Place:
    """The file, for messages."""
    return Place(str(path), RESTORE)


def damaged(path: Path) -> StateUnusable:
    """The error for a file whose content can't be right."""
    return place_of(path).damaged()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the database says while it is read into StateUnusable or StateError."""
    try:
        yield
    except (SQLAlchemyError, ValueError) as error:
        raise as_state_error(path, error) from None


def as_state_error(path: Path, error: Exception) -> StateError:
    """One sentence about the database's failure; never a statement or its values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(cause, ValueError):
        return damaged(path)
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StateUnusable(f"{path} can't be opened: {cause}")
    return StateError(f"the state {path} failed: {cause}")


def require_file(path: Path, *, writable: bool) -> None:
    """Raises StateUnusable when what is at the path can't be read (or written), or isn't a file."""
    if not path.is_file():
        raise StateUnusable(f"{path} is not a file")
    if not os.access(path, os.R_OK | (os.W_OK if writable else 0)):
        raise StateUnusable(f"{path} can't be {'written' if writable else 'read'}: permission denied")


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


def _connect(path: Path, writable: bool) -> sqlite3.Connection:
    # Without the right to make the side files, SQLite can read only what has none.
    alone = not os.access(path.parent, os.W_OK) and not beside(path, "-wal").exists()
    mode = "mode=rw" if writable else "mode=ro&immutable=1" if alone else "mode=ro"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}", uri=True, timeout=_BUSY_MS / 1000, check_same_thread=False
    )
    try:
        connection.isolation_level = None
        # A damaged text must fail its seal, not the reading of the whole table.
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        for pragma in _pragmas(writable):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _pragmas(writable: bool) -> tuple[str, ...]:
    common = ("foreign_keys=ON", "trusted_schema=OFF", "cell_size_check=ON")
    if not writable:
        return (*common, "query_only=ON")
    return (*common, "journal_mode=WAL", "synchronous=FULL", "fullfsync=ON")


def _begin(connection: Connection) -> None:
    options: Any = connection.get_execution_options()
    connection.exec_driver_sql(options.get(_BEGIN, "BEGIN"))
