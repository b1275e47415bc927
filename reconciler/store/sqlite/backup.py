"""Copies of a whole state, made while it is in use, and the way back from one."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from reconciler.errors import StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store.schema import SEALED, targets
from reconciler.store.seals import Seals
from reconciler.store.sqlite.copies import ONE_FILE, copy_file
from reconciler.store.sqlite.engine import (
    check,
    drop_side_files,
    open_engine,
    open_writer,
    reading,
    require_directory,
)
from reconciler.store.sqlite.files import beside, create_private, put_in_place, unusable
from reconciler.store.sqlite.keys import find_keyring
from reconciler.store.sqlite.lock import FileLock
from reconciler.store.sqlite.plain import place_of, require_file
from reconciler.store.versions import upgrade, version_in


def backup(engine: Engine, path: Path, to_path: Path) -> None:
    """Copy the state to ``to_path`` (mode 0600), which appears complete or not at all.

    The copy holds every target of the database, and no key: keep the key file too. Raises StateError.
    """
    to_path = to_path.absolute()
    if to_path.resolve() in (path, beside(path, ".key"), beside(path, ".lock")):
        raise StateError("a backup can't take the place of the state itself", remedy="Name another file.")
    ready = beside(to_path, ".new")
    try:
        copy_file(engine, path, ready)
        put_in_place(ready, to_path)
    except OSError as error:
        raise unusable(to_path, error) from None
    finally:
        with suppress(OSError):
            ready.unlink(missing_ok=True)


def restore(
    path: Path,
    wanted: tuple[str, str],
    from_path: Path,
    keyring: Keyring | None,
    *,
    other_target: bool,
    lock_timeout: float,
) -> None:
    """Put a backup in the state's place, for all targets that it holds; the old file is kept with ``.bak`` added.

    ``wanted`` is the target's name and URL.

    With ``other_target``, a backup that doesn't know the target is taken too, and one that knows it under
    another URL takes the new URL over: what was owned there counts as owned here.
    Raises StateLocked; StateUnusable when the backup is damaged, of another schema version, sealed with a key that
    isn't here, or of another target. Nothing is changed then.
    """
    require_directory(path)
    lock = FileLock.take(beside(path, ".lock"), lock_timeout)
    ready = beside(path, ".restored")
    try:
        _fetch(from_path, ready)
        _vet(ready, from_path, find_keyring(path, keyring), wanted, other_target)
        _keep(path)
        drop_side_files(path)
        put_in_place(ready, path)
    except OSError as error:
        raise unusable(path, error) from None
    finally:
        with suppress(OSError):
            ready.unlink(missing_ok=True)
        lock.release()


def _fetch(from_path: Path, ready: Path) -> None:
    require_file(from_path, writable=False)
    engine = open_engine(from_path.absolute(), writable=False)
    try:
        check(engine, from_path, thorough=True)
        copy_file(engine, from_path, ready)
    finally:
        engine.dispose()


def _vet(ready: Path, from_path: Path, keyring: Keyring, wanted: tuple[str, str], other_target: bool) -> None:
    engine = open_writer(ready)
    try:
        with reading(from_path), engine.begin() as connection:
            upgrade(connection, version_in(connection, place_of(from_path)))
            _require_seals(connection, keyring, from_path)
            _require_target(connection, keyring, from_path, wanted, other_target)
    finally:
        engine.dispose()
    with closing(sqlite3.connect(ready)) as connection:
        connection.execute(ONE_FILE)


def _require_seals(connection: Connection, keyring: Keyring, from_path: Path) -> None:
    for owner in connection.execute(select(targets)).mappings().all():
        seals = Seals(keyring, str(owner["name"]), str(owner["lineage"]))
        if not seals.known(owner["seal"]):
            raise StateUnusable(
                f"{from_path} was sealed with a key that isn't here",
                remedy="Put the key file that belongs to the backup beside the state, or name its fingerprint-key.",
            )
        for table in SEALED:
            mine = table.c.target if "target" in table.c else table.c.name
            rows = connection.execute(select(table).where(mine == seals.target)).mappings()
            if not all(seals.hold(table, row) for row in rows):
                raise StateUnusable(f"{from_path} is damaged: a seal is broken", remedy="Use another backup.")


def _require_target(
    connection: Connection, keyring: Keyring, from_path: Path, wanted: tuple[str, str], other_target: bool
) -> None:
    name, url = wanted
    mine = targets.c.name == name
    row = connection.execute(select(targets).where(mine)).mappings().first()
    if row is not None and row["url"].rstrip("/") == url.rstrip("/"):
        return
    if not other_target:
        known = "nothing" if row is None else row["url"]
        raise StateUnusable(
            f"{from_path} is a backup of another target: it knows {known} as {name}, and not {url}",
            remedy="Name the backup of this target; --other-target takes another one's all the same.",
        )
    if row is not None:
        seals = Seals(keyring, name, row["lineage"])
        seal = seals.sealed(targets, {**row, "url": url})["seal"]
        connection.execute(update(targets).where(mine).values(url=url, seal=seal))


def _keep(path: Path) -> None:
    if not path.exists():
        return
    # A damaged file can't take its log in; both are kept as they are then.
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", ""):
        kept = beside(path, f".bak{suffix}")
        kept.unlink(missing_ok=True)
        if beside(path, suffix).exists():
            ready = beside(kept, ".new")
            ready.unlink(missing_ok=True)
            create_private(ready, beside(path, suffix).read_bytes())
            put_in_place(ready, kept)
