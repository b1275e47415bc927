"""Those who wait together are committed together, and one that fails takes nobody along."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from reconciler.errors import StateError
from reconciler.store import Settlement, Store
from reconciler.store.required import VERSION
from reconciler.store.schema import schema_version
from reconciler.store.sqlite.backend import Sqlite
from reconciler.store.sqlite.engine import make_database, open_writer
from reconciler.store.writer import Writer
from tests.store.given import NOW, URL, begun, entry_of, key_of, sql, url_of, user, with_store


def adding(number: int) -> Callable[[Connection], int]:
    """A piece of work that fails when the number is there already."""

    def work(connection: Connection) -> int:
        connection.execute(insert(schema_version).values(version=number))
        return number

    return work


def test_calls_that_gather_share_a_commit(tmp_path: Path):
    path = tmp_path / "state.db"
    make_database(path)
    engine = open_writer(path)
    writer = Writer(engine, Sqlite(path), lambda: None)
    busy, go = threading.Event(), threading.Event()

    def blocking(_: Connection) -> None:
        busy.set()
        go.wait(10)

    first = writer.submit(blocking)
    assert busy.wait(10)
    waiting = [writer.submit(adding(number)) for number in (10, 11, VERSION, 12)]
    go.set()
    first.result(10)
    assert [waiting[index].result(10) for index in (0, 1, 3)] == [10, 11, 12]
    with pytest.raises(StateError, match="UNIQUE"):
        waiting[2].result(10)
    assert writer.commits == 2
    assert writer.submit(adding(13)).result(10) == 13
    assert writer.commits == 3
    writer.close()
    writer.close()
    with pytest.raises(StateError, match="closed"):
        writer.submit(blocking)
    engine.dispose()
    assert sorted(sql(path, "SELECT version FROM schema_version")) == [(VERSION,), (10,), (11,), (12,), (13,)]


def test_nothing_is_answered_before_its_commit(tmp_path: Path):
    """A guard that fails after the work, as a failing commit does, fails all and leaves nothing behind."""
    path = tmp_path / "state.db"
    make_database(path)
    engine = open_writer(path)
    calls = iter([None, StateError("no"), None, None])

    def guard() -> None:
        failure = next(calls)
        if failure is not None:
            raise failure

    writer = Writer(engine, Sqlite(path), guard)
    with pytest.raises(StateError, match="no"):
        writer.submit(adding(5)).result(10)
    assert writer.commits == 0
    assert writer.submit(adding(5)).result(10) == 5
    writer.close()
    engine.dispose()


def test_an_error_of_the_caller_is_his_alone(tmp_path: Path):
    async def story(store: Store) -> None:
        number = await begun(store)
        good, bad, other = await asyncio.gather(
            store.open_entry(entry_of(number, "alice")),
            store.open_entry(entry_of(number + 99, "bob")),
            store.settle(12345, Settlement("done"), "read"),
            return_exceptions=True,
        )
        assert isinstance(good, int)
        assert isinstance(bad, StateError)
        assert "no pass" in bad.message
        assert isinstance(other, StateError)
        assert [entry.entry for entry in store.memory(NOW).open] == [good]

    with_store(tmp_path / "state.db", story)


def test_many_tasks_need_few_commits(tmp_path: Path):
    async def story(store: Store) -> None:
        number = await begun(store)
        before = store.commits
        await asyncio.gather(*(store.open_entry(entry_of(number, f"user-{i}")) for i in range(200)))
        assert len(store.memory(NOW).open) == 200
        assert store.commits - before < 50

    with_store(tmp_path / "state.db", story)


def test_a_cancelled_write_is_carried_out_all_the_same(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story() -> None:
        store = Store.open(url_of(path), "default", URL, writable=True)
        writing = asyncio.create_task(store.own(user("alice")))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await store.close()

    asyncio.run(story())

    async def look(store: Store) -> None:
        assert set(store.memory(NOW).owned) == {key_of("alice")}

    with_store(path, look)
