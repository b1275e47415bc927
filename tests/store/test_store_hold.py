"""Whose turn it is to write, with a lease that can be had and lost at will.

Real leases, in PostgreSQL, are in ``test_store_leases``; here it is what a store makes of what its hold says.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace
from sqlalchemy import Connection

from reconciler.errors import LeaseLost, StateError, StateLocked
from reconciler.memory import Memory
from reconciler.secret import Keyring
from reconciler.store import Approval, PassStart, Quarantine, Settlement, Store, Suspension, open_for_reading
from reconciler.store.backend import Writing
from reconciler.store.hold import Hold, Terms, default_holder, locked
from reconciler.store.records import Standing
from reconciler.store.sqlite.backend import Sqlite
from tests.store.given import NOW, URL, begun, entry_of, key_of, url_of, user


class Lease:
    """A hold that says what it is told to, and remembers what it was asked."""

    settle_after = 12.5
    free = True
    failing = False

    def __init__(self, target: str, terms: Terms) -> None:
        self.target = target
        self.terms = terms
        self.asked: list[tuple[str, object]] = []
        self.held = self.engaged = False

    @property
    def holder(self) -> str | None:
        return None if self.held else "node-2"

    def take(self, timeout: float) -> bool:
        self.asked.append(("take", timeout))
        self.held = self.engaged = self.free
        return self.held

    def drop(self) -> None:
        self.asked.append(("drop", None))
        self.held = self.engaged = False
        if self.failing:
            raise StateError("gone")

    def run_out(self) -> None:
        """Nobody has noticed yet."""
        self.held = False

    def fence(self) -> None:
        if not self.held:
            raise LeaseLost("lost")

    def check(self, connection: Connection, *, order: bool) -> None:
        self.asked.append(("check", order))
        if not order:
            self.fence()

    def announce(self, seconds: float) -> int:
        return int(seconds)

    def refused(self) -> StateLocked:
        return locked("node-2")


class Shared(Sqlite):
    """A file that stands for a database of many."""

    remote = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.leases: list[Lease] = []

    def write(self, keyring: Keyring | None, lock_timeout: float) -> Writing:
        return replace(super().write(keyring, lock_timeout), hold=self.hold)

    def hold(self, target: str, terms: Terms) -> Hold:
        self.leases.append(Lease(target, terms))
        return self.leases[-1]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shared:
    backend = Shared(tmp_path / "state.db")
    monkeypatch.setattr("reconciler.store.facade.backend_of", lambda url: backend)
    return backend


def told(shared: Shared, story: Callable[[Store, Lease], Awaitable[None]]) -> None:
    """A story of a store that has joined, and of its hold."""

    async def telling() -> None:
        store = Store.join("any", "default", URL)
        try:
            await story(store, shared.leases[-1])
        finally:
            await store.close()

    asyncio.run(telling())


def test_terms_are_handed_on(shared: Shared):
    here = f"{socket.gethostname()}:{os.getpid()}"
    assert default_holder() == here
    given = Terms("node-1", 5.0, 7.0)
    asyncio.run(Store.open("any", "default", URL, writable=True).close())
    asyncio.run(Store.open("any", "prod", URL, writable=True, lock_timeout=3.0, **asdict(given)).close())
    asyncio.run(Store.join("any", "default", URL).close())
    asyncio.run(Store.join("any", "prod", URL, **asdict(given)).close())
    assert [(lease.target, lease.terms) for lease in shared.leases] == [
        ("default", Terms(here, 15.0, 30.0)),
        ("prod", given),
    ] * 2
    takes = [[asked for asked in lease.asked if asked[0] == "take"] for lease in shared.leases]
    assert takes == [[("take", 0.0)], [("take", 3.0)], [], []]
    assert Terms() == Terms(here, 15.0, 30.0)


def test_who_cannot_have_the_lease_is_told_and_leaves(shared: Shared, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Lease, "free", False)
    for _ in range(2):
        with pytest.raises(StateLocked) as refused:
            Store.open("any", "default", URL, writable=True)
        assert refused.value.message == "the state is in use by node-2"
    told(shared, refusing)


async def refusing(store: Store, _: Lease) -> None:
    assert not await store.acquire()
    assert (store.held, store.holder) == (False, "node-2")


Act = Callable[[Store], Awaitable[object]]
WRITES: dict[str, Act] = {
    "begin_pass": begun,
    "end_pass": lambda store: store.end_pass(1, "converged", {}, []),
    "open_entry": lambda store: store.open_entry(entry_of(1, "alice")),
    "close_entry": lambda store: store.close_entry(1, Settlement("done")),
    "remember_ids": lambda store: store.remember_ids({}),
    "remember_sent": lambda store: store.remember_sent(key_of("alice"), {}, NOW),
    "disown_unfinished": lambda store: store.disown_unfinished(key_of("alice")),
    "quarantine": lambda store: store.quarantine(Quarantine("User", ("a",), "a", 1, NOW, "")),
    "unquarantine": lambda store: store.unquarantine(key_of("alice")),
}
ORDERS: dict[str, Act] = {
    "suspend": lambda store: store.suspend(Suspension("ann", "why", NOW)),
    "resume": lambda store: store.resume(),
    "approve": lambda store: store.approve(Approval("sha256:1", "ann", NOW, NOW)),
    "withdraw": lambda store: store.withdraw("sha256:1"),
    "note_order": lambda store: store.note_order(PassStart(NOW), "ordered", []),
    "remember_refused_login": lambda store: store.remember_refused_login("k:1"),
    "forget_refused_login": lambda store: store.forget_refused_login("k:1"),
}
EITHER: dict[str, Act] = {
    "own": lambda store: store.own(user("alice")),
    "disown": lambda store: store.disown(key_of("alice")),
    "settle": lambda store: store.settle(1, Settlement("unknown"), "ann"),
}


@pytest.mark.parametrize("name", [*WRITES, *ORDERS, *EITHER])
def test_what_needs_the_lease_and_what_does_not(shared: Shared, name: str):
    act = (WRITES | ORDERS | EITHER)[name]

    async def story(store: Store, lease: Lease) -> None:
        await store.acquire()
        await store.open_entry(entry_of(await begun(store), "alice"))
        await store.release()
        if name in WRITES:
            with pytest.raises(LeaseLost):
                await act(store)
        else:
            await act(store)
        await store.acquire()
        await act(store)
        assert lease.asked[-1] == ("check", name in ORDERS)
        lease.run_out()
        if name in ORDERS:
            await act(store)
        else:
            with pytest.raises(LeaseLost):
                await act(store)

    told(shared, story)


def test_the_lease_is_taken_asked_for_and_given_up(shared: Shared):
    async def story(store: Store, lease: Lease) -> None:
        assert (store.held, store.holder, store.settle_after, store.shared) == (False, "node-2", 12.5, True)
        with pytest.raises(LeaseLost):
            store.fence()
        assert await store.acquire()
        assert lease.asked[-1] == ("take", 0.0)
        assert (store.held, store.holder) == (True, None)
        store.fence()
        assert await store.announce(3.0) == 3
        number = store.commits
        writing = asyncio.create_task(begun(store))
        await asyncio.sleep(0)
        await store.release()
        # What was submitted is carried out before the lease is given up.
        assert (lease.asked[-1][0], store.commits > number, await writing) == ("drop", True, 1)
        assert not store.held
        await store.acquire()
        lease.failing = True
        await store.close()
        assert (lease.asked[-1][0], store.held) == ("drop", False)
        for asking in (store.acquire, store.release, lambda: store.announce(1.0)):
            with pytest.raises(StateError) as refused:
                await asking()
            assert refused.value.message == "the state is closed"
        lease.failing = False

    told(shared, story)


def test_a_far_database_is_read_beside_the_event_loop(shared: Shared, monkeypatch: pytest.MonkeyPatch):
    where: list[str] = []
    reading = Store._reading

    def noted(store: Store) -> AbstractContextManager[Connection]:
        where.append(threading.current_thread().name)
        return reading(store)

    monkeypatch.setattr(Store, "_reading", noted)

    async def story(store: Store, _: Lease) -> None:
        await store.suspend(Suspension("ann", "why", NOW))
        for remote in (True, False):
            monkeypatch.setattr(Shared, "remote", remote)
            assert await store.look(NOW) == Memory(lineage=store.lineage)
            assert await store.standing(NOW) == Standing(Suspension("ann", "why", NOW))
        assert [name == threading.current_thread().name for name in where] == [False, False, True, True]

    told(shared, story)


def test_a_file_is_held_by_whoever_has_it_open(tmp_path: Path):
    url = url_of(tmp_path / "state.db")

    async def story() -> None:
        store = Store.join(url, "default", URL)
        assert (store.held, store.holder, store.settle_after, store.shared) == (True, None, 0.0, False)
        store.fence()
        assert await store.acquire()
        assert await store.announce(5.0) == 1
        await store.release()
        before = store.commits
        assert await begun(store) == 1
        assert store.commits == before + 1
        await store.close()
        assert not store.held

    asyncio.run(story())


def test_a_reader_holds_nothing(tmp_path: Path):
    url = url_of(tmp_path / "state.db")
    asyncio.run(Store.open(url, "default", URL, writable=True).close())
    store = open_for_reading(url, "default", URL)
    assert store is not None
    assert (store.held, store.settle_after, store.commits) == (False, 0.0, 0)

    others: list[Act] = [Store.acquire, Store.release, lambda one: one.announce(1.0)]

    async def story(store: Store) -> None:
        for act in (*(WRITES | ORDERS | EITHER).values(), *others):
            with pytest.raises(StateError) as told:
                await act(store)
            assert told.value.message == "the state was opened for reading"
        for ask in (Store.fence, Store.holder.__get__):
            with pytest.raises(StateError, match="the state was opened for reading"):
                ask(store)
        await store.close()

    asyncio.run(story(store))


def test_times_are_now_where_none_is_given(tmp_path: Path):
    async def story() -> None:
        store = Store.open(url_of(tmp_path / "state.db"), "default", URL, writable=True)
        before = time.time()
        number = await begun(store)
        await store.end_pass(number, "converged", {}, [])
        for name in ("a", "b"):
            await store.open_entry(entry_of(number, name))
        await store.close_entry(1, Settlement("done"))
        await store.settle(2, Settlement("done"), "ann")
        await store.remember_refused_login("k:1")
        times = [store.history()[0].ended, store.refused_login("k:1"), *(entry.settled_at for entry in store.entries())]
        assert all(found is not None and before <= found <= time.time() for found in times)
        await store.end_pass(number, "converged", {}, [], at=0.0)
        assert store.history()[0].ended == 0.0
        await store.close()

    asyncio.run(story())
