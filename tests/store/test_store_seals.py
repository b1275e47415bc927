"""Damage only ever shrinks what we may do."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.memory import Memory
from reconciler.store import Settlement, Store
from tests.store.given import DAY, NOW, URL, begun, entry_of, key_of, sql, url_of, user, with_store


async def fill(store: Store) -> None:
    """Two owned users, an unfinished replacement, an open entry, and 3 + 4 destroyed objects (4 of them long ago)."""
    for name in ("alice", "bob"):
        await store.own(user(name))
        await store.remember_sent(key_of(name), {"/password": f"k:{name}"}, NOW)
    number = await begun(store)
    old = await store.open_entry(entry_of(number, "old", at=NOW - 9 * DAY, destructive=4))
    await store.close_entry(old, Settlement("done"))
    gone = entry_of(number, "carol", action="replace", destructive=3, fields={key_of("carol"): {"email": "c@x"}})
    await store.close_entry(await store.open_entry(gone), Settlement("done"))
    await store.open_entry(entry_of(number, "dave"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    with_store(folder / "state.db", fill)
    return folder


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    for name in ("state.db", "state.db.key"):
        shutil.copy(filled / name, tmp_path / name)
    return tmp_path / "state.db"


def seen(path: Path) -> tuple[Memory, int]:
    async def look(store: Store) -> tuple[Memory, int]:
        return store.memory(NOW), store.damaged

    return with_store(path, look)


def test_all_is_well(path: Path):
    memory, damaged = seen(path)
    assert (set(memory.owned), set(memory.sent)) == ({key_of("alice"), key_of("bob")},) * 2
    assert set(memory.unfinished) == {key_of("carol")}
    assert [entry.objects for entry in memory.open] == [(key_of("dave"),)]
    assert (memory.spent, damaged) == (3, 0)


CHANGES = {
    "object_id": "'8'",
    "name": "name || 'x'",
    "document": "'other'",
    "identity": """'["LOCAL","mallory"]'""",
    "kind": "'Role'",
    "keep": "1 - keep",
    "adopted": "1",
    "seal": "substr(seal, 1, length(seal) - 1) || 'é'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_row_is_not_owned(path: Path, column: str):
    sql(path, f"UPDATE owned SET {column} = {CHANGES[column]} WHERE name = 'alice'")  # noqa: S608
    memory, damaged = seen(path)
    assert set(memory.owned) == {key_of("bob")}
    assert damaged == 1


@pytest.mark.parametrize("value", ["x'ff00'", "NULL", "1e400", "''"])
def test_values_of_any_type_fail_the_seal_and_not_the_reading(path: Path, value: str):
    sql(path, f"UPDATE owned SET object_id = {value} WHERE name = 'alice'")  # noqa: S608
    assert set(seen(path)[0].owned) == {key_of("bob")}


def test_text_that_is_not_utf8_fails_the_seal_and_not_the_reading(path: Path):
    sql(path, "UPDATE owned SET document = CAST(x'ff' AS TEXT) WHERE name = 'alice'")
    assert set(seen(path)[0].owned) == {key_of("bob")}


def test_a_row_that_takes_anothers_seal_is_not_owned(path: Path):
    sql(path, "UPDATE owned SET seal = (SELECT seal FROM owned WHERE name = 'bob') WHERE name = 'alice'")
    assert set(seen(path)[0].owned) == {key_of("bob")}


def test_a_damaged_row_learns_no_id(path: Path):
    sql(path, "UPDATE owned SET document = 'other' WHERE name = 'alice'")

    async def learn(store: Store) -> None:
        await store.remember_ids({key_of("alice"): "99", key_of("bob"): "98"})
        assert {key: thing.id for key, thing in store.memory(NOW).owned.items()} == {key_of("bob"): "98"}

    with_store(path, learn)


def test_a_changed_fingerprint_is_unknown(path: Path):
    sql(path, "UPDATE sent SET fingerprint = 'k:other' WHERE identity LIKE '%alice%'")
    memory, damaged = seen(path)
    assert (set(memory.sent), damaged) == ({key_of("bob")}, 1)


def test_a_changed_body_is_not_created(path: Path):
    sql(path, """UPDATE unfinished SET fields = '{"email":"evil@x"}'""")
    memory, damaged = seen(path)
    assert (dict(memory.unfinished), damaged) == ({}, 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET at = at - 900000, charged = 3",
        "UPDATE entries SET destructive = 0, charged = 0",
        "UPDATE entries SET charged = charged + 5",
        "DELETE FROM unfinished; DELETE FROM entries",
        "UPDATE entries SET charged = 'x'",
    ],
)
def test_a_damaged_journal_counts_as_spent(path: Path, change: str):
    for statement in change.split(";"):
        sql(path, statement)
    memory, _ = seen(path)
    assert memory.spent == 7


def test_only_what_is_proven_to_be_old_is_taken_off(path: Path):
    sql(path, "UPDATE entries SET reason = 'x' WHERE charged = 4")
    memory, damaged = seen(path)
    assert (memory.spent, damaged) == (7, 1)


def test_a_row_of_nobody_refuses(path: Path):
    sql(path, "UPDATE entries SET target = 'defaulu' WHERE status = 'open'")
    with pytest.raises(StateError, match="damaged"):
        Store.open(url_of(path), "default", URL, writable=True)


def test_a_damaged_counter_refuses(path: Path):
    sql(path, "UPDATE targets SET charged = 0")
    with pytest.raises(StateError, match="damaged"):
        Store.open(url_of(path), "default", URL, writable=True)


def test_a_target_whose_row_is_gone_is_not_made_anew(path: Path):
    sql(path, "DELETE FROM targets")
    with pytest.raises(StateError, match="damaged"):
        Store.open(url_of(path), "default", URL, writable=True)
    with pytest.raises(StateError, match="damaged"):
        Store.open(url_of(path), "default", URL, writable=False)


@pytest.mark.parametrize(
    "change", ["action = 'delete'", "objects = 'x'", "moves = '5'", "at = 'x', names = '[1]'", "path = x'00'"]
)
def test_a_damaged_open_entry_stays_open_until_it_is_settled(path: Path, change: str):
    sql(path, f"UPDATE entries SET {change} WHERE status = 'open'")  # noqa: S608

    async def story(store: Store) -> None:
        memory = store.memory(NOW)
        assert [entry.reason[:7] for entry in memory.open] == ["damaged"]
        assert store.damaged == 1
        await store.settle(memory.open[0].entry, Settlement("not-done"), "read", at=NOW)
        memory = store.memory(NOW)
        assert (memory.open, memory.spent, store.damaged) == ((), 3, 0)

    with_store(path, story)


def test_settling_a_damaged_entry_frees_nothing_before_a_day_is_over(path: Path):
    async def more(store: Store) -> None:
        await store.open_entry(entry_of(await begun(store), "erin", at=NOW, destructive=6))

    with_store(path, more)
    sql(path, "UPDATE entries SET charged = 50, destructive = 50, at = at - 900000 WHERE charged = 6")

    async def story(store: Store) -> None:
        memory = store.memory(NOW)
        assert memory.spent == 9
        damaged = next(entry for entry in memory.open if entry.reason)
        await store.settle(damaged.entry, Settlement("refused"), "read", at=NOW)
        assert (store.memory(NOW).spent, store.damaged) == (9, 0)
        assert store.memory(NOW + DAY).spent == 0

    with_store(path, story)


def shrunk(found: Memory, whole: Memory) -> bool:
    """Nothing is owned, known as sent or to be created that wasn't; no less is spent, and no less is open."""
    return (
        found.owned.items() <= whole.owned.items()
        and found.sent.items() <= whole.sent.items()
        and found.unfinished.items() <= whole.unfinished.items()
        and found.spent >= whole.spent
        and len(found.open) >= len(whole.open)
    )


def look_at(path: Path, writable: bool) -> Memory | None:
    """What is read; None when it is refused. Any other error is a failure of the test."""
    try:
        store = Store.open(url_of(path), "default", URL, writable=writable)
    except StateError:
        return None
    try:
        return store.memory(NOW)
    except StateError:
        return None
    finally:
        asyncio.run(store.close())


@pytest.mark.parametrize(
    "count", [60, pytest.param(1_500, marks=pytest.mark.ci), pytest.param(None, marks=pytest.mark.long)]
)
def test_flipped_bits_never_grow_anything(path: Path, count: int | None):
    whole, _ = seen(path)
    content = path.read_bytes()
    dice = random.Random(4711)  # noqa: S311 - repeatable, not secret
    used = [index for index, byte in enumerate(content) if byte]
    for index in dice.sample(used, count or len(used)):
        damaged = bytearray(content)
        damaged[index] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        found = look_at(path, writable=False)
        assert found is None or shrunk(found, whole), f"byte {index}"
        for name in ("-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)


def test_a_log_that_is_cut_short_is_an_earlier_commit(tmp_path: Path):
    live, path = tmp_path / "live.db", tmp_path / "state.db"
    earlier: list[Memory] = []

    async def story(store: Store) -> bytes:
        number = await begun(store)
        for name in ("alice", "bob", "carol"):
            entry = await store.open_entry(entry_of(number, name, destructive=1))
            earlier.append(store.memory(NOW))
            await store.close_entry(entry, Settlement("done", own=(user(name),)))
            earlier.append(store.memory(NOW))
        shutil.copy(live, tmp_path / "kept.db")
        shutil.copy(tmp_path / "live.db.key", tmp_path / "state.db.key")
        return (tmp_path / "live.db-wal").read_bytes()

    log = with_store(live, story)
    dice = random.Random(4712)  # noqa: S311 - repeatable, not secret
    seen_again = 0
    for size in [len(log), *(dice.randrange(len(log)) for _ in range(20))]:
        shutil.copy(tmp_path / "kept.db", path)
        (tmp_path / "state.db-wal").write_bytes(log[:size])
        found = look_at(path, writable=True)
        empty = found is not None and not (found.owned or found.open or found.spent)
        assert found is None or empty or found in earlier
        seen_again += found in earlier
    assert seen_again > 2
