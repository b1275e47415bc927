"""A backup is refused, or taken, in words that name it; and what it replaces is kept."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import StateError, StateLocked, StateUnusable
from reconciler.store import Store, open_for_reading, restore
from reconciler.store.sqlite.files import beside
from reconciler.store.sqlite.lock import FileLock
from reconciler.store.sqlite.plain import connect
from tests.store.given import KEYRING, NOW, URL, begun, copied, key_of, sql, url_of, user, with_store

ELSEWHERE = "https://elsewhere.example"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def journal_mode(path: Path) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return copied(tmp_path)


def owned(path: Path, target: str = "default", url: str = URL) -> set[object]:
    store = open_for_reading(url_of(path), target, url)
    assert store is not None
    try:
        return set(store.memory(NOW).owned)
    finally:
        asyncio.run(store.close())


def refusal(path: Path, copy: Path, target: str = "default", url: str = URL) -> tuple[str, str | None]:
    with pytest.raises(StateUnusable) as told:
        restore(url_of(path), target, url, copy)
    assert not list(path.parent.glob("*.restored*"))
    return told.value.message, told.value.remedy


OTHER = "Name the backup of this target; --other-target takes another one's all the same."
RESTORE = "Put a backup in its place (state restore), or move it away to begin with a state that owns nothing."


def test_a_backup_is_refused_in_words_that_name_it(path: Path, tmp_path: Path):
    copy, content = tmp_path / "copy.db", (tmp_path / "copy.db").read_bytes()
    assert refusal(path, tmp_path / "none") == (f"{tmp_path / 'none'} is not a file", None)
    assert refusal(path, copy, url=ELSEWHERE) == (
        f"{copy} is a backup of another target: it knows {URL} as default, and not {ELSEWHERE}",
        OTHER,
    )
    assert refusal(path, copy, target="prod") == (
        f"{copy} is a backup of another target: it knows nothing as prod, and not {URL}",
        OTHER,
    )
    key = path.with_name("state.db.key")
    kept = key.read_text()
    key.write_text("00" * 32)
    assert refusal(path, copy) == (
        f"{copy} was sealed with a key that isn't here",
        "Put the key file that belongs to the backup beside the state, or name its fingerprint-key.",
    )
    key.write_text(kept)
    for change, says, remedy in (
        ("UPDATE owned SET object_id = '9'", f"{copy} is damaged: a seal is broken", "Use another backup."),
        (
            "UPDATE schema_version SET version = 99",
            f"{copy} has schema version 99, this program works with 3",
            "Use the version of the program that made it, or restore a backup.",
        ),
        ("DROP TABLE schema_version", f"{copy} is not a state of this program", "Name another one."),
        ("DROP TABLE approvals", f"the state {copy} failed: no such table: approvals", None),
    ):
        copy.write_bytes(content)
        sql(copy, change)
        with pytest.raises(StateError) as told:
            restore(url_of(path), "default", URL, copy)
        assert (told.value.message, told.value.remedy) == (says, remedy)
    copy.write_bytes(content[:-1])
    assert refusal(path, copy) == (f"{copy} is damaged", RESTORE)
    assert owned(path) == {key_of("alice"), key_of("bob")}
    assert not path.with_name("state.db.bak").exists()


def test_a_backup_is_taken_for_the_same_server_however_it_ends(path: Path, tmp_path: Path):
    restore(url_of(path), "default", f"{URL}/", tmp_path / "copy.db")
    assert owned(path) == {key_of("alice")}
    slashed = tmp_path / "slashed.db"

    async def story(store: Store) -> None:
        await store.own(user("carol"))
        store.backup(tmp_path / "slashed.copy")
        await store.close()

    store = Store.open(url_of(slashed), "default", f"{URL}/", writable=True)
    asyncio.run(story(store))
    restore(url_of(slashed), "default", URL, tmp_path / "slashed.copy")
    assert owned(slashed) == {key_of("carol")}
    with pytest.raises(StateUnusable):
        restore(url_of(slashed), "default", f"{URL}X", tmp_path / "slashed.copy")


def test_another_targets_backup_is_taken_when_asked(path: Path, tmp_path: Path):
    restore(url_of(path), "prod", ELSEWHERE, tmp_path / "copy.db", other_target=True)
    assert open_for_reading(url_of(path), "prod", ELSEWHERE) is None
    assert owned(path) == {key_of("alice")}
    restore(url_of(path), "default", ELSEWHERE, tmp_path / "copy.db", other_target=True)
    assert owned(path, url=ELSEWHERE) == {key_of("alice")}


def test_every_target_of_a_backup_is_looked_at(path: Path, tmp_path: Path):
    async def other(store: Store) -> None:
        await store.own(user("erin"))
        store.backup(tmp_path / "two.db")

    with_store(path, other, "another")
    restore(url_of(path), "default", URL, tmp_path / "two.db")
    assert owned(path, "another") == {key_of("erin")}
    sql(tmp_path / "two.db", "UPDATE owned SET object_id = '9' WHERE target = 'another'")
    assert refusal(path, tmp_path / "two.db")[0] == f"{tmp_path / 'two.db'} is damaged: a seal is broken"


def test_restoring_needs_a_place_and_its_turn(path: Path, tmp_path: Path):
    copy = tmp_path / "copy.db"
    assert refusal(tmp_path / "none" / "state.db", copy)[0] == f"the directory {tmp_path / 'none'} doesn't exist"
    lock = FileLock.take(beside(path, ".lock"))
    started = time.monotonic()
    with pytest.raises(StateLocked):
        restore(url_of(path), "default", URL, copy, lock_timeout=0.1)
    assert time.monotonic() - started >= 0.1
    lock.release()
    beside(path, ".restored").write_text("what a crash left")
    restore(url_of(path), "default", URL, copy)
    assert owned(path) == {key_of("alice")}
    (tmp_path / "state.db.bak.new").mkdir()
    with pytest.raises(StateUnusable) as told:
        restore(url_of(path), "default", URL, copy)
    assert told.value.message == f"{path} can't be used: Is a directory"
    asyncio.run(Store.open(url_of(path), "default", URL, writable=True).close())


def copied_with_keys(folder: Path) -> Path:
    """A state without a key file, and its ``copy.db``."""
    path = folder / "state.db"

    async def story(store: Store) -> None:
        await store.own(user("alice"))
        store.backup(folder / "copy.db")

    with_store(path, story, keyring=KEYRING)
    return path


def test_a_backup_with_given_keys_needs_no_file(tmp_path: Path):
    copied_with_keys(tmp_path)
    (tmp_path / "new").mkdir()
    restore(url_of(tmp_path / "new" / "state.db"), "default", URL, tmp_path / "copy.db", KEYRING)
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"state.db", "state.db.lock"}
    assert journal_mode(tmp_path / "new" / "state.db") == "delete"  # one file, which can be carried elsewhere


def test_a_damaged_state_is_kept_and_its_side_files_go(path: Path, tmp_path: Path):
    path.write_bytes(b"x" * 9000)
    for suffix in ("-wal", "-shm", "-journal"):
        beside(path, suffix).write_bytes(b"y" * 100)
    for suffix in ("", "-wal", ".new"):
        (tmp_path / f"state.db.bak{suffix}").write_text("of an older one")
    restore(url_of(path), "default", URL, tmp_path / "copy.db")
    assert {file.name: file.stat().st_size for file in tmp_path.glob("*.bak*")} == {"state.db.bak": 9000}
    assert mode_of(tmp_path / "state.db.bak") == 0o600
    assert not any(beside(path, suffix).exists() for suffix in ("-wal", "-shm", "-journal"))
    assert owned(path) == {key_of("alice")}


def test_a_damaged_state_is_kept_with_the_log_that_it_cannot_take_in(tmp_path: Path):
    path = copied_with_keys(tmp_path)
    with closing(connect(path, writable=False)) as reader:
        assert reader.execute("SELECT name FROM owned").fetchall() == [("alice",)]
        with_store(path, lambda store: store.own(user("bob")), keyring=KEYRING)
        log, damaged = beside(path, "-wal").read_bytes(), b"x" * 100 + path.read_bytes()[100:]
        assert log
        path.write_bytes(damaged)
        restore(url_of(path), "default", URL, tmp_path / "copy.db", KEYRING)
    assert (tmp_path / "state.db.bak").read_bytes() == damaged
    assert (tmp_path / "state.db.bak-wal").read_bytes() == log
    assert mode_of(tmp_path / "state.db.bak-wal") == 0o600


def test_a_backup_never_takes_the_place_of_the_state(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)

    async def story(store: Store) -> None:
        for name in ("state.db", "state.db.key", "state.db.lock", "link", "folder/../state.db"):
            for to_path in (tmp_path / name, Path(name)):
                with pytest.raises(StateError) as told:
                    store.backup(to_path)
                assert told.value.message == "a backup can't take the place of the state itself"
                assert told.value.remedy == "Name another file."
        for name, says in (("folder", "Is a directory"), ("none/copy", "No such file or directory")):
            with pytest.raises(StateUnusable) as told:
                store.backup(Path(name))
            assert told.value.message == f"{tmp_path / name} can't be used: {says}"
        store.backup(Path("relative.db"))
        store.backup(Path("relative.db"))

    with_store(path, story)
    assert mode_of(tmp_path / "relative.db") == 0o600
    assert not list(tmp_path.glob("*.new"))
    assert journal_mode(tmp_path / "relative.db") == "delete"


@pytest.mark.parametrize("victim", ["state.db", "state.db.lock"])
def test_who_loses_a_file_is_told_what_to_do(path: Path, victim: str):
    async def story(store: Store) -> None:
        path.with_name(victim).rename(path.with_name("elsewhere"))
        with pytest.raises(StateUnusable) as told:
            await begun(store)
        assert told.value.message == f"{path} or its lock file was removed or replaced while in use"
        assert told.value.remedy == "Stop this process, put the file back or restore a backup, and start again."

    with_store(path, story)
