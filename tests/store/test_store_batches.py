"""What those who wait for the writing thread are told when a whole transaction fails, and how often it is tried."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from sqlite3 import OperationalError as Cause

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError, InvalidRequestError, OperationalError

from reconciler.errors import StateError, StateUnusable
from reconciler.store import Store
from reconciler.store.database import Database
from reconciler.store.put import put
from reconciler.store.required import VERSION
from reconciler.store.schema import replicas, schema_version
from reconciler.store.sqlite.backend import Sqlite
from reconciler.store.sqlite.engine import make_database, open_writer
from reconciler.store.writer import Writer
from tests.store.given import URL, begun, sql, url_of, with_store


class Passing(Sqlite):
    """A database whose failures may be over when a transaction is run again."""

    def passing(self, error: Exception) -> bool:
        return True


@contextmanager
def writer_on(backend: Sqlite, guard: Callable[[], None] = lambda: None) -> Iterator[Writer]:
    make_database(backend.path)
    engine = open_writer(backend.path)
    writer = Writer(engine, backend, guard)
    try:
        yield writer
    finally:
        writer.close()
        engine.dispose()


def failing(times: int, made: list[int], error: Exception) -> Callable[[Connection], int]:
    """Work that fails so many times; gives how often it was done."""

    def work(connection: Connection) -> int:
        made.append(1)
        connection.execute(insert(schema_version).values(version=99))
        if len(made) <= times:
            raise error
        return len(made)

    return work


def gone() -> DBAPIError:
    return OperationalError("INSERT hunter2", {}, Cause("disk I/O error"))


def held(writer: Writer) -> threading.Event:
    """Keeps the thread busy until the event is set, so that what follows is committed together."""
    busy, go = threading.Event(), threading.Event()

    def blocking(_: Connection) -> None:
        busy.set()
        go.wait(10)

    writer.submit(blocking)
    assert busy.wait(10)
    return go


def test_a_failure_that_passes_is_tried_three_times(tmp_path: Path):
    path = tmp_path / "state.db"
    with writer_on(Passing(path)) as writer:
        made: list[int] = []
        with pytest.raises(StateError) as told:
            writer.submit(failing(3, made, gone())).result(10)
        assert (len(made), writer.commits) == (3, 0)
        assert told.value.message == f"the state {path} failed: disk I/O error"
        assert writer.submit(failing(2, [], gone())).result(10) == 3
        assert writer.commits == 1
    assert sql(path, "SELECT version FROM schema_version WHERE version = 99") == [(99,)]


def test_a_failure_that_stays_is_not_tried_again(tmp_path: Path):
    made: list[int] = []
    with writer_on(Sqlite(tmp_path / "state.db")) as writer:
        with pytest.raises(StateError, match="disk I/O error"):
            writer.submit(failing(1, made, gone())).result(10)
        assert (len(made), writer.commits) == (1, 0)


def test_each_who_waits_is_told_by_an_error_of_his_own(tmp_path: Path):
    failure = StateUnusable("gone", remedy="Come back.")
    failure.retryable = True
    failures: list[StateUnusable] = []

    def guard() -> None:
        if failures:
            raise failures[0]

    with writer_on(Sqlite(tmp_path / "state.db"), guard) as writer:
        go = held(writer)
        failures.append(failure)
        waiting = [writer.submit(lambda _: 1) for _ in range(3)]
        go.set()
        errors = [one.exception(10) for one in waiting]
        failures.clear()
        assert writer.submit(lambda _: 5).result(10) == 5
    assert len({id(error) for error in [*errors, failure]}) == 4
    for error in errors:
        assert isinstance(error, StateUnusable)
        assert (error.message, error.remedy, error.retryable) == ("gone", "Come back.", True)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (StateUnusable("mine"), StateUnusable, "mine"),
        (InvalidRequestError("mine"), StateError, "the state {} failed: mine"),
        (KeyError("mine"), KeyError, "'mine'"),
    ],
)
@pytest.mark.parametrize("neighbours", [0, 2])
def test_who_fails_alone_fails_alone(
    tmp_path: Path, error: Exception, kind: type[Exception], says: str, neighbours: int
):
    path = tmp_path / "state.db"
    with writer_on(Sqlite(path)) as writer:
        go = held(writer)
        before = [writer.submit(lambda _: "before") for _ in range(neighbours)]
        mine = writer.submit(failing(9, [], error))
        after = [writer.submit(lambda _: "after") for _ in range(neighbours)]
        go.set()
        raised = mine.exception(10)
        assert [one.result(10) for one in (*before, *after)] == ["before"] * neighbours + ["after"] * neighbours
    assert (type(raised), str(raised)) == (kind, says.format(path))
    assert sql(path, "SELECT version FROM schema_version WHERE version = 99") == []


def test_a_database_that_fails_takes_the_whole_batch_along(tmp_path: Path):
    path = tmp_path / "state.db"
    with writer_on(Sqlite(path)) as writer:
        go = held(writer)
        kept = writer.submit(lambda c: c.execute(insert(schema_version).values(version=77)))
        mine = writer.submit(failing(9, [], gone()))
        go.set()
        for one in (kept, mine):
            with pytest.raises(StateError, match="disk I/O error"):
                one.result(10)
    assert sql(path, "SELECT count(*) FROM schema_version") == [(1,)]


def test_what_was_submitted_is_done_before_a_flush_or_the_end(tmp_path: Path):
    with writer_on(Sqlite(tmp_path / "state.db")) as writer:
        go, done = held(writer), [writer.submit(lambda _: 1) for _ in range(3)]
        threading.Timer(0.05, go.set).start()
        writer.flush()
        assert all(one.done() for one in done)
        go, done = held(writer), [writer.submit(lambda _: 1) for _ in range(3)]
        threading.Timer(0.05, go.set).start()
        writer.close()
        assert all(one.done() for one in done)
        writer.flush()  # nothing to wait for any more
        with pytest.raises(StateError) as told:
            writer.submit(lambda _: 1)
        assert told.value.message == "the state is closed"


def test_a_state_that_nobody_closes_keeps_no_process_alive(tmp_path: Path):
    async def look(_: Store) -> None:
        threads = [thread for thread in threading.enumerate() if thread.name == "state-writer"]
        assert [thread.daemon for thread in threads] == [True]

    with_store(tmp_path / "state.db", look)
    assert not any(thread.name == "state-writer" for thread in threading.enumerate())


def test_a_database_is_opened_once_and_closed_with_its_last_target(tmp_path: Path):
    path = tmp_path / "state.db"
    backend = Sqlite(path)
    one = Database.join(backend, "one", None, 0.0)
    assert Database.join(Sqlite(path), "two", None, 0.0) is one
    assert one.targets == {"one", "two"}
    with pytest.raises(StateError) as told:
        Database.join(backend, "one", None, 0.0)
    assert told.value.message == "the state is in use by this process already"
    one.leave("one")
    one.leave("one")
    assert one.writer.submit(lambda c: c.execute(select(schema_version)).scalar()).result(10) == VERSION
    one.leave("two")
    one.leave("two")
    with pytest.raises(StateError, match="closed"):
        one.writer.submit(lambda _: 1)
    again = Database.join(backend, "one", None, 0.0)
    assert again is not one
    again.leave("one")


def _put(name: str, expires: float, connection: Connection) -> None:
    connection.execute(put(replicas), {"name": name, "expires": expires})


def test_a_row_is_put_over_the_one_with_its_key(tmp_path: Path):
    path = tmp_path / "state.db"
    with writer_on(Sqlite(path)) as writer:
        for name, expires in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
            writer.submit(partial(_put, name, expires)).result(10)
    assert sorted(sql(path, "SELECT name, expires FROM replicas")) == [("a", 3.0), ("b", 2.0)]


def test_a_store_that_cannot_be_entered_is_left_again(tmp_path: Path):
    url = url_of(tmp_path / "state.db")
    asyncio.run(Store.open(url, "default", URL, writable=True).close())
    for _ in range(2):
        with pytest.raises(StateUnusable, match="the target default is"):
            Store.open(url, "default", "https://elsewhere.example", writable=True)
    with_store(tmp_path / "state.db", begun)
