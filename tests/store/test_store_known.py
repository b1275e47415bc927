"""What was read of a large state counts until somebody commits: then it is read again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import insert

from reconciler.store import Store
from reconciler.store.codec import dump
from reconciler.store.reads import MANY
from reconciler.store.schema import owned
from tests.store.given import NOW, key_of, sql, user, with_store


def filled(count: int, story: Callable[[Store], Awaitable[None]]) -> Callable[[Store], Awaitable[None]]:
    """A story after so many objects were owned, in one transaction."""

    async def told(store: Store) -> None:
        rows = [
            store._seals.sealed(owned, {**FIELDS, "identity": dump(["LOCAL", name]), "name": name, "document": name})
            for name in (f"user-{number}" for number in range(count))
        ]
        await store._write(lambda connection: connection.execute(insert(owned), rows))
        await story(store)

    return told


FIELDS = {"kind": "User", "object_id": "7", "keep": False, "adopted": False}


def test_a_large_state_is_read_once_as_long_as_nobody_commits(tmp_path: Path):
    async def story(store: Store) -> None:
        first = store.memory(NOW)
        assert len(first.owned) == MANY
        assert store.memory(NOW + 1).sent is first.sent

    with_store(tmp_path / "state.db", filled(MANY, story))


def test_a_small_state_is_not_kept(tmp_path: Path):
    async def story(store: Store) -> None:
        assert store.memory(NOW).owned is not store.memory(NOW).owned

    with_store(tmp_path / "state.db", filled(MANY - 1, story))


def test_what_we_write_is_seen_at_once(tmp_path: Path):
    async def story(store: Store) -> None:
        store.memory(NOW)
        await store.own(user("alice"))
        assert key_of("alice") in store.memory(NOW).owned
        await store.disown(key_of("alice"))
        assert key_of("alice") not in store.memory(NOW).owned
        await store.remember_sent(key_of("user-1"), {"password": "print"}, NOW)
        assert store.memory(NOW).sent[key_of("user-1")]["password"].fingerprint == "print"

    with_store(tmp_path / "state.db", filled(MANY, story))


def test_what_somebody_else_commits_is_seen_at_once(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        store.memory(NOW)
        sql(path, "DELETE FROM owned WHERE name = 'user-5'")
        assert key_of("user-5") not in store.memory(NOW).owned
        sql(path, "UPDATE owned SET object_id = '8' WHERE name = 'user-6'")
        assert key_of("user-6") not in store.memory(NOW).owned
        assert store.damaged == 1
        store.memory(NOW)
        assert store.damaged == 1

    with_store(path, filled(MANY + 10, story))
