"""A SQLite file through Python's own driver: opening it, and refusing one that isn't a sound state of ours.

It needs no SQLAlchemy, and so a plan gets by without.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconciler.errors import StateError, StateUnusable
from reconciler.store.place import Place
from reconciler.store.required import not_ours, require_version
from reconciler.store.sqlite.files import beside

Run = Callable[[str], Sequence[Sequence[Any]]]
"""Carries a statement out and gives its rows."""

_BUSY_MS = 10_000
RESTORE = "Put a backup in its place (state restore), or move it away to begin with a state that owns nothing."


def connect(path: Path, writable: bool) -> sqlite3.Connection:
    """A connection to an existing file; transactions are the caller's to begin and to end."""
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
        # What is read is read once: pages that SQLite keeps (2 MB of them) are of no use.
        return (*common, "query_only=ON", "cache_size=-256")
    return (*common, "journal_mode=WAL", "synchronous=FULL", "fullfsync=ON")


def require_file(path: Path, *, writable: bool) -> None:
    """Raises StateUnusable when what is at the path can't be read (or written), or isn't a file."""
    if not path.is_file():
        raise StateUnusable(f"{path} is not a file")
    if not os.access(path, os.R_OK | (os.W_OK if writable else 0)):
        raise StateUnusable(f"{path} can't be {'written' if writable else 'read'}: permission denied")


def require_content(path: Path) -> None:
    """Raises StateUnusable for an empty file, which SQLite would take for an empty database."""
    if path.stat().st_size == 0:
        raise StateUnusable(f"{path} is empty", remedy=RESTORE)


def require_sound(run: Run, path: Path, *, thorough: bool = False) -> None:
    """Raises StateUnusable when the database is damaged."""
    if run(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(1)") != [("ok",)]:
        raise damaged(path)
    # A row whose target's name was damaged would be seen by nobody: an open entry must not vanish like that.
    if run("PRAGMA foreign_key_check"):
        raise damaged(path)
    # SQLite takes what is missing of the last page for zeros. While there is a log, the file may lag behind it.
    size, pages = (run(f"PRAGMA {name}")[0][0] for name in ("page_size", "page_count"))
    log = beside(path, "-wal")
    if (not log.exists() or log.stat().st_size == 0) and path.stat().st_size < size * pages:
        raise damaged(path)


def version_of(run: Run, path: Path) -> int:
    """The schema's version. Raises StateUnusable for one that isn't ours."""
    if not run("PRAGMA main.table_info(schema_version)"):
        raise not_ours(place_of(path))
    return require_version([version for (version,) in run("SELECT version FROM schema_version")], place_of(path))


def place_of(path: Path) -> Place:
    """The file, for messages."""
    return Place(str(path), RESTORE)


def damaged(path: Path) -> StateUnusable:
    """The error for a file whose content can't be right."""
    return place_of(path).damaged()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the driver says while the file is read into StateUnusable or StateError."""
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        raise explained(path, error) from None


def explained(path: Path, cause: BaseException) -> StateError:
    """One sentence about what the driver has raised; never a statement or its values."""
    code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(cause, ValueError):
        return damaged(path)
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StateUnusable(f"{path} can't be opened: {cause}")
    return StateError(f"the state {path} failed: {cause}")
