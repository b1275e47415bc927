"""What is opened, what is refused, and what the files may be read by."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store import Settlement, Store, open_for_reading
from tests.store.given import NOW, URL, begun, child, entry_of, key_of, line, sql, url_of, user, with_store


async def fill(store: Store) -> None:
    await store.own(user("alice"))
    number = await begun(store)
    for i in range(30):
        await store.open_entry(entry_of(number, f"user-{i}", destructive=1))


def refused(path: Path, target: str = "default", url: str = URL, keyring: Keyring | None = None) -> list[str]:
    """What a writer and a reader are told."""
    said = []
    for writable in (True, False):
        with pytest.raises(StateUnusable) as error:
            Store.open(url_of(path), target, url, keyring, writable=writable)
        said.append(error.value.message)
    return said


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def test_every_file_is_private(tmp_path: Path):
    async def look(store: Store) -> None:
        await fill(store)
        modes = modes_in(tmp_path)
        assert modes.keys() == {"state.db", "state.db-wal", "state.db-shm", "state.db.key", "state.db.lock"}
        assert set(modes.values()) == {0o600}

    with_store(tmp_path / "state.db", look)
    assert {file.name for file in tmp_path.iterdir()} == {"state.db", "state.db.key", "state.db.lock"}


def test_wider_rights_are_taken_away(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill)
    path.chmod(0o644)
    with_store(path, fill)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_commit_is_flushed_and_logged_ahead(tmp_path: Path):
    async def look(store: Store) -> None:
        with store._reading() as connection:
            values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
            assert values == ["wal", 2]
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1

    with_store(tmp_path / "state.db", look)


def test_lineage_and_key_last(tmp_path: Path):
    path = tmp_path / "state.db"

    async def facts(store: Store) -> tuple[str, Keyring]:
        return store.lineage, store.keyring

    assert with_store(path, facts) == with_store(path, facts)
    assert with_store(path, facts) != with_store(tmp_path / "other.db", facts)


def test_a_given_key_needs_no_file(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill, keyring=Keyring((b"k" * 32,)))
    assert not (tmp_path / "state.db.key").exists()
    assert "key" in refused(path)[0]
    assert "key that isn't here" in refused(path, keyring=Keyring((b"other" * 8,)))[0]
    assert not (tmp_path / "state.db.key").exists()


def test_keys_can_be_changed_one_after_the_other(tmp_path: Path):
    path = tmp_path / "state.db"
    old, new = b"o" * 32, b"n" * 32

    async def look(store: Store) -> None:
        memory = store.memory(NOW)
        assert (set(memory.owned), memory.spent, store.damaged) == ({key_of("alice")}, 30, 0)

    with_store(path, fill)  # with the key file
    with_store(path, look, keyring=Keyring((old,)))
    (tmp_path / "state.db.key").unlink()
    with_store(path, look, keyring=Keyring((new, old)))
    with_store(path, look, keyring=Keyring((new,)))


def test_renewing_heals_no_damaged_row(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill, keyring=Keyring((b"o" * 32,)))
    sql(path, "UPDATE owned SET object_id = 'x'")

    async def look(store: Store) -> None:
        assert store.memory(NOW).owned == {}

    with_store(path, look, keyring=Keyring((b"n" * 32, b"o" * 32)))


def test_reading_what_is_not_there(tmp_path: Path):
    path = tmp_path / "state.db"
    assert open_for_reading(url_of(path), "default", URL) is None
    assert list(tmp_path.iterdir()) == []
    assert open_for_reading(url_of(tmp_path / "none" / "state.db"), "default", URL) is None
    with pytest.raises(StateUnusable, match="holds no state"):
        Store.open(url_of(path), "default", URL, writable=False)
    with_store(path, fill, target="another")
    assert open_for_reading(url_of(path), "default", URL) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+psycopg://me:hunter2@db", "names no database"),
        ("postgresql+asyncpg://me:hunter2@db/state", "through postgresql.asyncpg"),
        ("mysql://me:hunter2@db/state", "mysql"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///state.db?mode=memory", "must name a file"),
        ("sqlite://host/state.db", "must name a file"),
        ("state.db", "can't be read"),
        ("", "can't be read"),
    ],
)
def test_urls_that_are_refused(url: str, says: str):
    for writable in (True, False):
        with pytest.raises(StateUnusable, match=says) as error:
            Store.open(url, "default", URL, writable=writable)
        assert "hunter2" not in f"{error.value.message} {error.value.remedy}"


def test_a_relative_url_is_relative_to_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    asyncio.run(Store.open("sqlite:///a #.db", "default", URL, writable=True).close())
    assert (tmp_path / "a #.db").is_file()


def test_paths_that_are_refused(tmp_path: Path):
    with pytest.raises(StateUnusable, match="doesn't exist"):
        Store.open(url_of(tmp_path / "none" / "state.db"), "default", URL, writable=True)
    (tmp_path / "folder.db").mkdir()
    assert all("is not a file" in said for said in refused(tmp_path / "folder.db"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateUnusable, match="doesn't exist"):
        Store.open(url_of(tmp_path / "file" / "state.db"), "default", URL, writable=True)


def test_another_url_under_the_same_name_is_refused(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill)
    for said in refused(path, url="https://elsewhere.example"):
        assert URL in said
        assert "https://elsewhere.example" in said
    asyncio.run(Store.open(url_of(path), "default", URL + "/", writable=True).close())


def test_another_lineage_owns_nothing(tmp_path: Path):
    """Rows that were carried over from another state with the same key and target are no one's."""
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    key = Keyring((b"k" * 32,))
    with_store(one, fill, keyring=key)
    with_store(two, begun, keyring=key)
    sql(two, "DELETE FROM owned")
    for row in sql(one, "SELECT * FROM owned"):
        sql(two, f"INSERT INTO owned VALUES ({','.join('?' * len(row))})", *row)  # noqa: S608

    async def look(store: Store) -> None:
        assert store.memory(NOW).owned == {}
        assert store.damaged == 1

    with_store(two, look, keyring=key)


@pytest.mark.parametrize(("version", "says"), [(99, "version 99"), (0, "version 0")])
def test_another_schema_is_refused(tmp_path: Path, version: int, says: str):
    path = tmp_path / "state.db"
    with_store(path, fill)
    sql(path, "UPDATE schema_version SET version = ?", version)
    assert all(says in said for said in refused(path))
    sql(path, "DELETE FROM schema_version")
    assert all("unknown" in said for said in refused(path))


def test_someone_elses_database_is_refused(tmp_path: Path):
    path = tmp_path / "state.db"
    sql(path, "CREATE TABLE things (x)")
    assert all("not a state of this program" in said for said in refused(path))


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be taken for one" * 40])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "state.db"
    path.write_bytes(content)
    assert all("empty" in said or "damaged" in said for said in refused(path))
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill)
    whole = path.read_bytes()
    assert len(whole) > 3 * 4096
    for size in (len(whole) - 1, len(whole) - 4096, len(whole) // 2, 4096, 1000, 99, 1):
        path.write_bytes(whole[:size])
        with pytest.raises(StateError):
            Store.open(url_of(path), "default", URL, writable=True)
        with pytest.raises(StateError):
            Store.open(url_of(path), "default", URL, writable=False)


@pytest.mark.parametrize("content", ["", "zz", "00ff", "é"])
def test_a_damaged_key_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "state.db"
    with_store(path, fill)
    (tmp_path / "state.db.key").write_text(content)
    assert all("is damaged" in said for said in refused(path))


def test_a_log_that_was_left_behind_is_not_replayed(tmp_path: Path):
    """Only the database was deleted: its log must not be taken into the new one."""
    path, kept = tmp_path / "state.db", tmp_path / "kept"

    async def keep_log(store: Store) -> None:
        await fill(store)
        kept.write_bytes((tmp_path / "state.db-wal").read_bytes())

    with_store(path, keep_log)
    path.unlink()
    kept.rename(tmp_path / "state.db-wal")

    async def look(store: Store) -> None:
        assert store.memory(NOW).owned == {}
        assert store.history() == []

    with_store(path, look)


def test_a_half_made_database_is_made_anew(tmp_path: Path):
    path = tmp_path / "state.db"
    (tmp_path / "state.db.new").write_bytes(b"half")
    (tmp_path / "state.db.key.new").write_bytes(b"ha")
    with_store(path, fill)
    assert not list(tmp_path.glob("*.new"))


def waits(path: Path, target: str = "default", deadline: float = 30.0) -> float:
    """Seconds until what the last writer has left open may be settled."""
    store = Store.open(url_of(path), target, URL, writable=True, request_deadline=deadline)
    try:
        return max(0.0, store.settle_after - time.monotonic())
    finally:
        asyncio.run(store.close())


async def cut_short(store: Store, at: float) -> None:
    await store.open_entry(entry_of(await begun(store), "alice", at=at))


def test_what_a_writer_has_sent_before_it_vanished_may_still_arrive(tmp_path: Path):
    path = tmp_path / "state.db"
    assert waits(path) == 0.0
    with_store(path, lambda store: cut_short(store, time.time() - 10))
    assert 15 < waits(path) <= 20
    assert waits(path, deadline=10.0) == 0.0
    assert 45 < waits(path, deadline=60.0) <= 50
    assert waits(path, "prod") == 0.0


def test_what_a_pass_of_our_own_has_left_may_still_arrive(tmp_path: Path):
    """It has died of its own error, and the process goes on."""

    async def story(store: Store) -> None:
        number = await begun(store)
        sent, closed, settled = [await store.open_entry(entry_of(number, name)) for name in ("ann", "bob", "cid")]
        assert store.settle_after <= 0.0, "nothing has left yet"
        store.fence()
        for entry in (closed, settled, sent):
            assert 29 < store.settle_after - time.monotonic() <= 30
            if entry == settled:
                await store.settle(entry, Settlement("not-done"), "ann")
            else:
                await store.close_entry(entry, Settlement("done"))
        assert store.settle_after == 0.0

    with_store(tmp_path / "state.db", story)


def test_what_was_waited_for_is_not_waited_for_again(tmp_path: Path):
    """Its close was cancelled, as those of a pass that dies are, and was written all the same."""

    async def story(store: Store) -> None:
        number = await begun(store)
        entry = await store.open_entry(entry_of(number, "ann"))
        store.fence()
        closing = asyncio.create_task(store.close_entry(entry, Settlement("done")))
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert store.settle_after > time.monotonic()
        store.waited()
        later = await store.open_entry(entry_of(number, "bob"))
        store.fence()
        await store.close_entry(later, Settlement("done"))
        assert store.memory(NOW).open == ()
        assert store.settle_after == 0.0

    with_store(tmp_path / "state.db", story)


SENDING = """
async def main():
    store = Store.open(url_of(Path(url)), "default", URL, writable=True)
    await store.open_entry(entry_of(await begun(store), "alice", at=time.time() - 100))
    store.fence()
    say("sent")
    time.sleep(60)
asyncio.run(main())
"""


def test_a_writer_that_was_killed_had_sent_something_a_moment_ago(tmp_path: Path):
    """Its entry is old: the request waited for its turn, or was a large file."""
    path = tmp_path / "state.db"
    with child(path, SENDING) as process:
        assert line(process) == "sent"
        process.kill()
    assert 25 < waits(path) <= 30
    assert waits(path) == 0.0, "the one before has ended as it should"


def test_the_lock_tells_when_a_writer_that_was_killed_was_at_work(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, lambda store: cut_short(store, time.time() - 100))
    assert waits(path) == 0.0
    lock = path.with_name("state.db.lock")
    lock.write_text("{}")
    os.utime(lock, (0, time.time() - 10))
    assert 20 < waits(path) <= 22
    sql(path, "UPDATE entries SET status = 'done'")
    lock.write_text("{}")
    assert waits(path) == 0.0, "nothing is open"


@pytest.mark.parametrize("ending", ["done", "not-done", "refused", "unknown"])
def test_nobody_waits_for_what_has_ended(tmp_path: Path, ending: Any):
    async def story(store: Store) -> None:
        await cut_short(store, time.time())
        await store.close_entry(1, Settlement(ending))

    with_store(tmp_path / "state.db", story)
    assert waits(tmp_path / "state.db") == 0.0


def test_a_clock_that_was_set_back_makes_nobody_wait_longer(tmp_path: Path):
    with_store(tmp_path / "state.db", lambda store: cut_short(store, time.time() + 5000))
    assert 25 < waits(tmp_path / "state.db") <= 30


def test_a_damaged_time_is_taken_for_now(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, lambda store: cut_short(store, time.time() - 100))
    with_store(path, lambda store: store.open_entry(entry_of(1, "bob", at=time.time() - 100)))
    sql(path, "UPDATE entries SET at = 'noon' WHERE id = 1")
    assert 25 < waits(path) <= 30
