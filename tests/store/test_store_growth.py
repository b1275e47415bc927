"""What a write costs while the journal grows. SQLite's own instructions are counted: time depends on the machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from reconciler.store import Settlement, Store, history
from tests.store.given import NOW, begun, entry_of, key_of, user, with_store

FEW, MANY = 20, 600

Write = Callable[[Store, int, str], Awaitable[None]]


@dataclass
class Instructions:
    """How many the connections of this process have carried out."""

    count: int = 0

    def since(self, before: int) -> int:
        return self.count - before


@pytest.fixture
def instructions() -> Iterator[Instructions]:
    counted = Instructions()

    def one_more() -> None:
        counted.count += 1

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.set_progress_handler(one_more, 1)

    event.listen(Pool, "connect", connected)
    yield counted
    event.remove(Pool, "connect", connected)


async def create(store: Store, number: int, name: str) -> None:
    """As an apply does where the answer to a create tells no id."""
    entry = await store.open_entry(entry_of(number, name, fields={key_of(name): {"email": name}}))
    sent = {key_of(name): {"password": "k:1"}}
    await store.close_entry(entry, Settlement("done", own=(user(name, None),), sent=sent), NOW)


async def learn(store: Store, number: int, name: str) -> None:
    await store.own(user(name, name))


async def change(store: Store, number: int, name: str) -> None:
    entry = await store.open_entry(entry_of(number, name, action="update"))
    await store.close_entry(entry, Settlement("done", own=(user(name, name),), ids={key_of(name): name}), NOW)


async def replace(store: Store, number: int, name: str) -> None:
    fields = {key_of(name): {"email": name}}
    entry = await store.open_entry(entry_of(number, name, action="delete", fields=fields, destructive=1))
    await store.close_entry(entry, Settlement("done"), NOW)
    await create(store, number, name)


async def delete(store: Store, number: int, name: str) -> None:
    entry = await store.open_entry(entry_of(number, name, action="delete", destructive=1))
    await store.close_entry(entry, Settlement("done", disown=(key_of(name),)), NOW)


async def refuse(store: Store, number: int, name: str) -> None:
    entry = await store.open_entry(entry_of(number, name, fields={key_of(name): {"email": name}}))
    await store.close_entry(entry, Settlement("refused"), NOW)


@pytest.mark.parametrize("write", [create, learn, change, replace, delete, refuse])
def test_a_write_costs_the_same_however_many_others_wait_for_their_ids(
    tmp_path: Path, instructions: Instructions, write: Write
):
    async def story(store: Store) -> None:
        number, costs = await begun(store), []
        for first, end in ((0, FEW), (FEW, MANY)):
            for at in range(first, end):
                await create(store, number, f"user{at:04}")
            before = instructions.count
            for at in range(end - 5, end):
                await write(store, number, f"user{at:04}")
            costs.append(instructions.since(before))
        assert costs[1] < 1.2 * costs[0]

    with_store(tmp_path / "state.db", story)


def test_many_objects_are_taken_in_and_given_up_in_a_few_transactions(tmp_path: Path):
    async def story(store: Store) -> None:
        things = [user(f"user{at:04}", str(at)) for at in range(1234)]
        before = store.commits
        await store.own(*things)
        assert store.memory(NOW).owned == {thing.key: thing for thing in things}
        await store.disown(*(thing.key for thing in things[1:]))
        assert list(store.memory(NOW).owned) == [things[0].key]
        assert store.commits - before == 6

    with_store(tmp_path / "state.db", story)


def test_to_thin_the_history_out_takes_one_look_at_the_journal(
    tmp_path: Path, instructions: Instructions, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(history, "KEPT", 5)

    async def story(store: Store) -> None:
        costs = []
        for first, end in ((0, 25), (25, 100)):
            for at in range(first, end):
                await create(store, await begun(store), f"user{at:04}")
            before = instructions.count
            await begun(store)
            costs.append(instructions.since(before))
        assert costs[1] < 5 * costs[0]

    with_store(tmp_path / "state.db", story)
