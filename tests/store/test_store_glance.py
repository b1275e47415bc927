"""A plan's look at the state goes another way than a store's: both see the same, and refuse the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Boolean

from reconciler.errors import StateError
from reconciler.memory import Memory
from reconciler.secret import Keyring
from reconciler.store import Settlement, Store, open_for_reading
from reconciler.store.codec import dump
from reconciler.store.columns import CONTENT, TRUTHS
from reconciler.store.glance import Glance, glance_at
from reconciler.store.picture import _Identities
from reconciler.store.schema import SEALED
from tests.store.given import DAY, NOW, URL, begun, entry_of, key_of, sql, url_of, user, with_store

Seen = tuple[Memory, int] | str | None


async def fill(store: Store) -> None:
    for number in range(20):
        await store.own(user(f"user-{number}", keep=number % 2 == 0, adopted=number % 3 == 0))
        await store.remember_sent(key_of(f"user-{number}"), {"password": f"print-{number}"}, NOW)
    number = await begun(store)
    for name, at in (("old", NOW - 9 * DAY), ("new", NOW)):
        entry = await store.open_entry(entry_of(number, name, action="delete", destructive=1, at=at))
        await store.close_entry(entry, Settlement("done"))
    await store.open_entry(entry_of(number, "created", fields={key_of("created"): {"roles": ("a",)}}))
    await store.open_entry(entry_of(number, "gone", action="delete", fields={key_of("gone"): {"email": "ü"}}))


def by_store(path: Path, url: str = URL, keyring: Keyring | None = None) -> Seen:
    try:
        store = open_for_reading(url_of(path), "default", url, keyring)
        if store is None:
            return None
        try:
            return store.memory(NOW), store.damaged
        finally:
            asyncio.run(store.close())
    except StateError as error:
        return f"{type(error).__name__}: {error.message}, {error.remedy}"


def by_glance(path: Path, url: str = URL, keyring: Keyring | None = None) -> Seen:
    async def look() -> Seen:
        glance = glance_at(url_of(path), "default", url, keyring)
        if glance is None:
            return None
        assert isinstance(glance, Glance)
        try:
            return await glance.look(NOW), glance.damaged
        finally:
            await glance.close()

    try:
        return asyncio.run(look())
    except StateError as error:
        return f"{type(error).__name__}: {error.message}, {error.remedy}"


def test_a_glance_sees_what_a_store_sees(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill)
    seen = by_glance(path)
    assert seen == by_store(path)
    assert isinstance(seen, tuple)
    memory, damaged = seen
    assert (len(memory.owned), len(memory.sent), len(memory.open), memory.spent, damaged) == (20, 20, 2, 1, 0)
    assert memory.made
    assert memory.unfinished
    assert {owned.keep for owned in memory.owned.values()} == {True, False}


def statement(text: str) -> Callable[[Path], Any]:
    return lambda path: sql(path, text)


def emptied(path: Path) -> Path:
    path.unlink()
    return path


TROUBLES: dict[str, Callable[[Path], Any]] = {
    "nothing there": lambda path: path.unlink(),
    "an empty file": lambda path: path.write_bytes(b""),
    "a directory": lambda path: emptied(path).mkdir(),
    "no database": lambda path: path.write_bytes(b"x" * 5000),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[:4096]),
    "the last page cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "another program's": lambda path: sql(emptied(path), "CREATE TABLE notes (text)"),
    "a newer schema": statement("UPDATE schema_version SET version = 99"),
    "no version": statement("DELETE FROM schema_version"),
    "no such table": statement("DROP TABLE sent"),
    "no key": lambda path: path.with_name("state.db.key").unlink(),
    "another key": lambda path: path.with_name("state.db.key").write_text("ab" * 32),
    "a damaged key": lambda path: path.with_name("state.db.key").write_text("none"),
    "a damaged target": statement("UPDATE targets SET charged = 7"),
    "no target": statement("UPDATE targets SET name = 'other'"),
    "a lost target": statement("DELETE FROM targets"),
    "a damaged row": statement("UPDATE owned SET object_id = '8' WHERE name = 'user-3'"),
    "a truth that is none": statement("UPDATE owned SET keep = 2, adopted = 5 WHERE name = 'user-3'"),
    "a text that is none": statement("UPDATE owned SET name = CAST(x'ff41' AS TEXT) WHERE name = 'user-3'"),
    "a number for a text": statement("UPDATE sent SET fingerprint = x'0102' WHERE rowid = 3"),
    "no seal": statement("UPDATE sent SET seal = '' WHERE rowid < 4"),
    "a damaged entry": statement("UPDATE entries SET status = 'done', charged = 0, objects = '[['"),
    "a status that is none": statement("UPDATE entries SET status = 'x'"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_glance_refuses_what_a_store_refuses_and_passes_over_the_same(tmp_path: Path, trouble: str):
    path = tmp_path / "state.db"
    with_store(path, fill)
    sound = by_store(path)
    TROUBLES[trouble](path)
    assert by_glance(path) == by_store(path) != sound


def test_a_state_of_another_server_is_refused(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill)
    found = by_glance(path, "https://other.example")
    assert found == by_store(path, "https://other.example")
    assert "the target default is" in str(found)


@pytest.mark.parametrize("seed", range(4))
def test_wherever_a_file_is_damaged_both_ways_tell_the_same(tmp_path: Path, seed: int):
    path = tmp_path / "state.db"
    with_store(path, fill)
    sound, chance = path.read_bytes(), random.Random(seed)  # noqa: S311 - no secret
    told = set()
    for _ in range(25):
        damaged = bytearray(sound)
        for _ in range(8):
            damaged[chance.randrange(len(sound))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        found = by_glance(path)
        assert found == by_store(path)
        told.add(str(found))
    assert len(told) > 1


def test_an_address_that_a_glance_does_not_understand_goes_the_other_way(tmp_path: Path):
    with_store(tmp_path / "state.db", fill)
    found = glance_at(f"sqlite+pysqlite:///{tmp_path / 'state.db'}", "default", URL)
    assert isinstance(found, Store)
    asyncio.run(found.close())


def test_the_columns_are_those_of_the_schema():
    of_schema = {t.name: tuple(c.name for c in t.c if c.name not in ("id", "seal")) for t in SEALED}
    truths = {t.name: {c.name for c in t.c if isinstance(c.type, Boolean)} for t in SEALED}
    assert of_schema == CONTENT
    assert {name: columns for name, columns in truths.items() if columns} == TRUTHS


@given(st.lists(st.text(alphabet=st.sampled_from('ab",[]\\ü \n')), max_size=4))
def test_an_identity_is_read_as_it_was_written(parts: list[str]):
    assert _Identities()[dump(parts)] == tuple(parts)


@pytest.mark.parametrize("text", ['["a",1,"b"]', '["a"', "[1]", '{"a":"b"}', '["a" "b"]', "", '["'])
def test_what_is_no_identity_is_refused(text: str):
    with pytest.raises(ValueError, match=r".*"):
        _Identities()[text]


def test_each_look_is_lenient_where_it_has_to_be(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, fill)

    async def story() -> None:
        glance = glance_at(url_of(path), "default", URL)
        assert isinstance(glance, Glance)
        sound = await glance.look(NOW)
        sql(path, "UPDATE owned SET name = CAST(x'ff41' AS TEXT) WHERE name = 'user-3'")
        for _ in range(2):
            assert len((await glance.look(NOW)).owned) == len(sound.owned) - 1
            assert glance.damaged == 1
        await glance.close()

    asyncio.run(story())
