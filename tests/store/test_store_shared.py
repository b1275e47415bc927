"""Two targets in one database: what is done to one of them touches nothing of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import StateError
from reconciler.secret import Keyring
from reconciler.store import Approval, PassStart, Quarantine, Settlement, Store, Suspension
from reconciler.store.records import Standing
from tests.store.given import KEYRING, NOW, URL, begun, entry_of, key_of, sql, url_of, user, with_store

OTHER = "https://other.example"
SUSPENSION = Suspension("ann", "freeze", NOW, NOW + 60)
APPROVAL = Approval("sha256:1", "ann", NOW, NOW + 60)
QUARANTINE = Quarantine("User", ("LOCAL", "alice"), "alice", 2, NOW + 9, "refused")
FIELDS = {key_of("carol"): {"email": "c@x"}}


async def fill(store: Store) -> tuple[int, int]:
    """Something in every table, under the same keys for each target; gives the numbers of the pass and the entry."""
    await store.own(user("alice"))
    await store.remember_sent(key_of("alice"), {"/password": "k:1"}, NOW)
    number = await begun(store)
    gone = entry_of(number, "carol", action="delete", destructive=2, fields=FIELDS)
    await store.close_entry(await store.open_entry(gone), Settlement("done"), NOW)
    entry = await store.open_entry(entry_of(number, "dave"))
    await store.remember_refused_login("k:1", NOW)
    await store.suspend(SUSPENSION)
    await store.approve(APPROVAL)
    await store.quarantine(QUARANTINE)
    return number, entry


async def everything(store: Store) -> list[Any]:
    rest = [store.history(), store.entries(), store.refused_login("k:1"), await store.standing(NOW)]
    return [store.memory(NOW), store.damaged, *rest]


def both(path: Path, story: Callable[[Store, Store], Awaitable[None]], keyring: Keyring = KEYRING) -> None:
    async def told() -> None:
        one = Store.open(url_of(path), "one", URL, keyring, writable=True)
        two = Store.open(url_of(path), "two", OTHER, keyring, writable=True)
        try:
            await story(one, two)
        finally:
            await one.close()
            await two.close()

    asyncio.run(told())


CHANGES: dict[str, Callable[[Store], Awaitable[object]]] = {
    "own": lambda store: store.own(user("alice", "8", keep=True)),
    "disown": lambda store: store.disown(key_of("alice")),
    "ids": lambda store: store.remember_ids({key_of("alice"): "9"}),
    "sent": lambda store: store.remember_sent(key_of("alice"), {"/password": "k:2"}, NOW + 1),
    "finish": lambda store: store.disown_unfinished(key_of("carol")),
    "login": lambda store: store.remember_refused_login("k:1", NOW + 1),
    "forget": lambda store: store.forget_refused_login("k:1"),
    "suspend": lambda store: store.suspend(Suspension("bob", "other", NOW)),
    "resume": lambda store: store.resume(),
    "approve": lambda store: store.approve(Approval("sha256:1", "bob", NOW + 61, NOW + 99)),
    "withdraw": lambda store: store.withdraw("sha256:1"),
    "quarantine": lambda store: store.quarantine(Quarantine("User", ("LOCAL", "alice"), "alice", 3, NOW, "again")),
    "unquarantine": lambda store: store.unquarantine(key_of("alice")),
    "pass": begun,
    "order": lambda store: store.note_order(PassStart(NOW), "ordered", []),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_one_targets_own(tmp_path: Path, change: str):
    async def story(one: Store, two: Store) -> None:
        await fill(one)
        await fill(two)
        before, mine = await everything(two), await everything(one)
        await CHANGES[change](one)
        assert await everything(two) == before
        assert await everything(one) != mine

    both(tmp_path / "state.db", story)


def test_all_is_read_back_of_each(tmp_path: Path):
    async def story(one: Store, two: Store) -> None:
        await fill(one)
        assert await everything(two) == [two.memory(NOW), 0, [], [], None, Standing()]
        assert two.memory(NOW).owned == {}
        await fill(two)
        for store in (one, two):
            memory = store.memory(NOW)
            assert (memory.owned, memory.spent) == ({key_of("alice"): user("alice")}, 2)
            assert [entry.objects for entry in memory.open] == [(key_of("dave"),)]
            assert memory.unfinished[key_of("carol")].fields == {"email": "c@x"}
            assert await store.standing(NOW) == Standing(SUSPENSION, (APPROVAL,), (QUARANTINE,))
            assert (len(store.history()), len(store.entries())) == (1, 2)

    both(tmp_path / "state.db", story)


def test_the_numbers_of_the_other_are_unknown(tmp_path: Path):
    async def story(one: Store, two: Store) -> None:
        number, entry = await fill(one)
        before = await everything(one)
        for refused, says in (
            (two.end_pass(number, "failed", {}, []), f"the state knows no pass {number}"),
            (two.open_entry(entry_of(number, "x")), f"the state knows no pass {number}"),
            (two.settle(entry, Settlement("done"), "ann"), f"the journal has no entry {entry}"),
            (two.close_entry(entry, Settlement("done")), f"the journal has no entry {entry}"),
        ):
            with pytest.raises(StateError) as told:
                await refused
            assert told.value.message == says
        assert await everything(one) == before
        assert two.entries() == []

    both(tmp_path / "state.db", story)


def test_the_end_of_a_pass_is_noted_of_that_pass(tmp_path: Path):
    async def story(one: Store, two: Store) -> None:
        older, newer, others = [await begun(store) for store in (one, one, two)]
        await one.end_pass(older, "converged", {"create": 1}, [{"a": 1}], NOW + 1)
        assert [(found.id, found.verdict) for found in one.history()] == [(newer, None), (older, "converged")]
        assert [(found.id, found.verdict) for found in two.history()] == [(others, None)]

    both(tmp_path / "state.db", story)


def test_only_the_passes_of_the_same_target_grow_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciler.store.history.KEPT", 2)

    async def story(one: Store, two: Store) -> None:
        others = await begun(two)
        numbers = [await begun(one) for _ in range(4)]
        assert [found.id for found in one.history()] == [numbers[3], numbers[2]]
        assert [found.id for found in two.history()] == [others]

    both(tmp_path / "state.db", story)


def test_what_one_has_destroyed_the_other_may(tmp_path: Path):
    async def story(one: Store, two: Store) -> None:
        entry = entry_of(await begun(one), "a", destructive=3)
        number = await one.open_entry(entry)
        assert (one.memory(NOW).spent, two.memory(NOW).spent) == (3, 0)
        await two.open_entry(entry_of(await begun(two), "b", destructive=5))
        await one.settle(number, Settlement("not-done"), "read")
        assert (one.memory(NOW).spent, two.memory(NOW).spent) == (0, 5)

    both(tmp_path / "state.db", story)


def test_new_keys_are_taken_over_by_the_targets_that_are_opened(tmp_path: Path):
    path = tmp_path / "state.db"
    new = b"n" * 32
    for name in ("one", "two"):
        with_store(path, fill, name, keyring=KEYRING)
    before = sql(path, "SELECT seal FROM owned WHERE target = 'two'")
    with_store(path, begun, "one", keyring=Keyring((new, *KEYRING.keys)))
    assert sql(path, "SELECT seal FROM owned WHERE target = 'two'") == before

    async def look(store: Store) -> None:
        assert (set(store.memory(NOW).owned), store.damaged) == ({key_of("alice")}, 0)
        assert await store.standing(NOW) == Standing(SUSPENSION, (APPROVAL,), (QUARANTINE,))

    with_store(path, look, "one", keyring=Keyring((new,)))
    with_store(path, look, "two", keyring=KEYRING)


def test_what_is_ordered_of_any_target_is_heard_of(tmp_path: Path):
    async def story(one: Store, two: Store) -> None:
        assert await one.orders_since(None) == (0, [])
        first = await begun(one)
        assert await two.orders_since(None) == (first, [])
        assert await two.orders_since(first) == (first, [])
        await one.note_order(PassStart(NOW, "suspend", "abc", "sha256:1"), "ordered", [{"by": "ann"}])
        await two.note_order(PassStart(NOW, "resume"), "ordered", [])
        newest = await begun(two)
        assert await one.orders_since(first) == (newest - 1, [("one", "suspend"), ("two", "resume")])
        assert await one.orders_since(newest - 1) == (newest - 1, [])
        assert await one.orders_since(None) == (newest, [])
        kept = one.history(1)[0]
        assert kept.start == PassStart(NOW, "suspend", "abc", "sha256:1")
        assert (kept.ended, kept.verdict, kept.summary, kept.outcomes) == (NOW, "ordered", {}, ({"by": "ann"},))

    both(tmp_path / "state.db", story)
