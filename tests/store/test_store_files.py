"""The files beside each other: the lock that names its holder, the key, and what is said when one fails."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from reconciler.errors import StateError, StateLocked, StateUnusable
from reconciler.secret import Keyring
from reconciler.store.sqlite.copies import copy_file
from reconciler.store.sqlite.engine import as_state_error, make_database, make_private, open_engine, open_writer
from reconciler.store.sqlite.files import beside, create_private, put_in_place, tighten, unusable
from reconciler.store.sqlite.keys import find_keyring, make_key
from reconciler.store.sqlite.lock import FileLock
from reconciler.store.sqlite.plain import connect
from tests.store.given import KEYRING


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_lock_names_its_holder(tmp_path: Path):
    path = tmp_path / "state.db.lock"
    before = time.time()
    lock = FileLock.take(path)
    assert (mode_of(path), lock.in_place) == (0o600, True)
    with pytest.raises(StateLocked) as told:
        FileLock.take(path)
    found = re.fullmatch(
        rf"the state is in use by process {os.getpid()}, since (\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d) UTC",
        told.value.message,
    )
    assert found is not None
    assert found[1] in {time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(before + more)) for more in (0, 1)}
    lock.release()
    assert path.read_bytes() == b""
    again = FileLock.take(path)
    path.rename(tmp_path / "moved")
    assert not again.in_place
    path.write_text("")
    assert not again.in_place
    again.release()


@pytest.mark.parametrize("note", ["", "{", "5", "[]", "{}", '{"pid": 1}', '{"pid": 1, "since": 1e300}', '{"since": 0}'])
def test_a_note_that_says_nothing_is_another_process(tmp_path: Path, note: str):
    path = tmp_path / "state.db.lock"
    lock = FileLock.take(path)
    path.write_text(note)
    with pytest.raises(StateLocked, match=r"^the state is in use by another process$"):
        FileLock.take(path)
    lock.release()


def test_a_lock_is_waited_for_as_long_as_asked(tmp_path: Path):
    path = tmp_path / "state.db.lock"
    path.write_text("x" * 5000)  # longer than a note; what an older holder left is gone
    lock = FileLock.take(path)
    assert len(path.read_bytes()) < 100
    started = time.monotonic()
    with pytest.raises(StateLocked):
        FileLock.take(path, 0.1)
    assert 0.1 <= time.monotonic() - started < 5
    lock.release()


def test_a_lock_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path / "aim")
    for name, says in (("link", "Too many levels of symbolic links"), ("none/lock", "No such file or directory")):
        with pytest.raises(StateUnusable) as told:
            FileLock.take(tmp_path / name)
        assert told.value.message == f"{tmp_path / name} can't be used: {says}"
    assert not (tmp_path / "aim").exists()


def test_a_private_file_is_new_and_nobody_elses(tmp_path: Path):
    path, old = tmp_path / "a", os.umask(0o277)
    try:
        create_private(path, b"abc")
    finally:
        os.umask(old)
    assert (path.read_bytes(), mode_of(path)) == (b"abc", 0o600)
    with pytest.raises(FileExistsError):
        create_private(path, b"other")
    assert path.read_bytes() == b"abc"
    (tmp_path / "link").symlink_to(tmp_path / "aim")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "link")
    create_private(tmp_path / "b")
    put_in_place(tmp_path / "b", path)
    assert (path.read_bytes(), (tmp_path / "b").exists()) == (b"", False)
    for mode, left in ((0o640, 0o600), (0o604, 0o600), (0o700, 0o700), (0o400, 0o400)):
        path.chmod(mode)
        tighten(path)
        assert mode_of(path) == left


def test_what_the_system_says_is_passed_on(tmp_path: Path):
    assert unusable(Path("x"), OSError(28, "No space left on device")).message == (
        "x can't be used: No space left on device"
    )
    assert unusable(Path("x"), TimeoutError()).message == "x can't be used: TimeoutError"
    with pytest.raises(StateUnusable) as told:
        make_private(tmp_path / "none")
    assert told.value.message == f"{tmp_path / 'none'} can't be used: No such file or directory"


def error_of(code: int | None, message: str = "it says so") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    if code is not None:
        error.sqlite_errorcode = code  # type: ignore[attr-defined, unused-ignore]
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (error_of(sqlite3.SQLITE_CORRUPT), StateUnusable, "x is damaged"),
        (error_of(sqlite3.SQLITE_CORRUPT | 3 << 8), StateUnusable, "x is damaged"),
        (error_of(sqlite3.SQLITE_NOTADB), StateUnusable, "x is damaged"),
        (ValueError("year"), StateUnusable, "x is damaged"),
        (error_of(sqlite3.SQLITE_CANTOPEN), StateUnusable, "x can't be opened: it says so"),
        (error_of(sqlite3.SQLITE_PERM), StateUnusable, "x can't be opened: it says so"),
        (error_of(sqlite3.SQLITE_AUTH), StateUnusable, "x can't be opened: it says so"),
        (error_of(sqlite3.SQLITE_FULL), StateError, "the state x failed: it says so"),
        (error_of(None), StateError, "the state x failed: it says so"),
        (SQLAlchemyError("it says so"), StateError, "the state x failed: it says so"),
    ],
)
def test_what_the_database_says_is_explained(error: Exception, kind: type[StateError], says: str):
    for given in (error, OperationalError("SELECT hunter2", {"x": "hunter2"}, error)):
        told = as_state_error(Path("x"), given)
        assert (type(told), told.message) == (kind, says)
        assert (told.remedy is not None) == says.endswith("damaged")


def test_a_key_is_made_once_and_kept_private(tmp_path: Path):
    path = tmp_path / "state.db"
    make_key(path)
    key = beside(path, ".key")
    text = key.read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", text)
    assert mode_of(key) == 0o600
    key.chmod(0o644)
    make_key(path)
    assert (key.read_text(), mode_of(key)) == (text, 0o600)
    key.write_text("ab" * 32 + "\n" + "cd" * 40 + "\n")
    kept = (bytes.fromhex("ab" * 32), bytes.fromhex("cd" * 40))
    assert find_keyring(path, None) == Keyring(kept)
    assert find_keyring(path, Keyring((kept[1], b"k" * 32))) == Keyring((kept[1], b"k" * 32, kept[0]))
    key.unlink()
    assert find_keyring(path, KEYRING) == KEYRING


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_file_is_opened_so_that_a_commit_is_on_the_disk(tmp_path: Path):
    path = tmp_path / "a #?.db"
    make_database(path)
    names = ("foreign_keys", "trusted_schema", "cell_size_check", "query_only", "busy_timeout")
    with closing(connect(path, writable=True)) as writer, closing(connect(path, writable=False)) as reader:
        assert [pragma(writer, name) for name in names] == [1, 0, 1, 0, 10_000]
        assert [pragma(writer, name) for name in ("journal_mode", "synchronous", "fullfsync")] == ["wal", 2, 1]
        assert [pragma(reader, name) for name in names] == [1, 0, 1, 1, 10_000]
        writer.execute("INSERT INTO schema_version VALUES (7)")  # committed at once: transactions are the caller's
        assert reader.execute("SELECT max(version) FROM schema_version").fetchone() == (7,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM schema_version")
        assert reader.execute("SELECT CAST(x'61ff' AS TEXT)").fetchone() == ("a\ufffd",)
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect(tmp_path / "none.db", writable=True)
    assert not (tmp_path / "none.db").exists()


def test_a_writer_takes_its_turn_when_it_begins(tmp_path: Path):
    path = tmp_path / "state.db"
    make_database(path)
    reader, writer = open_engine(path, writable=True), open_writer(path)
    with reader.begin(), closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.rollback()
    with (
        writer.begin(),
        closing(sqlite3.connect(path, timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")
    reader.dispose()
    writer.dispose()


def test_a_copy_of_what_is_not_there_is_refused(tmp_path: Path):
    path, ready = tmp_path / "state.db", tmp_path / "copy"
    engine = open_engine(path, writable=False)
    with pytest.raises(StateUnusable) as told:
        copy_file(engine, path, ready)
    assert told.value.message == f"{path} can't be opened: unable to open database file"
    engine.dispose()
