"""Backups are made from a state in use, and only sound ones of the same target are taken back."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from reconciler.errors import StateError, StateLocked, StateUnusable
from reconciler.memory import Memory
from reconciler.store import Store, open_for_reading, restore
from tests.store.given import NOW, URL, begun, copied, key_of, sql, url_of, user, with_store

ELSEWHERE = "https://elsewhere.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return copied(tmp_path)


def seen(path: Path, url: str = URL, target: str = "default") -> Memory:
    store = open_for_reading(url_of(path), target, url)
    assert store is not None
    memory = store.memory(NOW)
    asyncio.run(store.close())
    return memory


def test_there_and_back(path: Path, tmp_path: Path):
    copy = tmp_path / "copy.db"
    lineage = seen(path).lineage
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    before = copy.read_bytes()
    restore(url_of(path), "default", URL, copy)
    memory = seen(path)
    assert (set(memory.owned), memory.spent, memory.lineage) == ({key_of("alice")}, 2, lineage)
    assert copy.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def go_on(store: Store) -> None:
        await store.own(user("carol"))

    with_store(path, go_on)
    assert set(seen(path).owned) == {key_of("alice"), key_of("carol")}


def test_the_old_file_is_kept(path: Path, tmp_path: Path):
    restore(url_of(path), "default", URL, tmp_path / "copy.db")
    kept = tmp_path / "state.db.bak"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    restore(url_of(path), "default", URL, kept)
    assert set(seen(path).owned) == {key_of("alice"), key_of("bob")}


def test_a_damaged_state_can_be_replaced(path: Path, tmp_path: Path):
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(StateError):
        Store.open(url_of(path), "default", URL, writable=True)
    restore(url_of(path), "default", URL, tmp_path / "copy.db")
    assert set(seen(path).owned) == {key_of("alice")}
    assert (tmp_path / "state.db.bak").stat().st_size == 5000


def test_a_missing_state_can_be_replaced(path: Path, tmp_path: Path):
    path.unlink()
    restore(url_of(path), "default", URL, tmp_path / "copy.db")
    assert set(seen(path).owned) == {key_of("alice")}


def test_a_backup_is_made_beside_the_writer_too(path: Path, tmp_path: Path):
    async def story(store: Store) -> None:
        reader = open_for_reading(url_of(path), "default", URL)
        assert reader is not None
        await store.own(user("carol"))
        reader.backup(tmp_path / "copy.db")
        await reader.close()

    with_store(path, story)
    restore(url_of(path), "default", URL, tmp_path / "copy.db")
    assert set(seen(path).owned) == {key_of("alice"), key_of("bob"), key_of("carol")}


def unchanged_after_refusal(path: Path, from_path: Path, says: str, *, target: str = "default", url: str = URL) -> None:
    before = sorted((file.name, file.read_bytes()) for file in path.parent.iterdir())
    with pytest.raises(StateUnusable, match=says) as error:
        restore(url_of(path), target, url, from_path)
    assert error.value.message
    after = sorted((file.name, file.read_bytes()) for file in path.parent.iterdir() if file.suffix != ".lock")
    assert after == [found for found in before if not found[0].endswith(".lock")]


def test_bad_backups_are_refused(path: Path, tmp_path: Path):
    copy = tmp_path / "copy.db"
    content = copy.read_bytes()
    unchanged_after_refusal(path, tmp_path / "none.db", "not a file")
    copy.write_bytes(content[:-4096])
    unchanged_after_refusal(path, copy, "damaged")
    copy.write_bytes(b"")
    unchanged_after_refusal(path, copy, "empty")
    for change, says in (
        ("UPDATE owned SET object_id = '9'", "seal"),
        ("UPDATE entries SET reason = 'x'", "seal"),
        ("UPDATE targets SET charged = 0", "seal"),
        ("UPDATE schema_version SET version = 99", "version 99"),
    ):
        copy.write_bytes(content)
        sql(copy, change)
        unchanged_after_refusal(path, copy, says)


def test_a_backup_without_its_key_is_refused(path: Path, tmp_path: Path):
    other = tmp_path / "other.db"
    with_store(other, begun)
    unchanged_after_refusal(other, tmp_path / "copy.db", "key that isn't here")


def test_a_backup_of_another_target_is_taken_only_when_asked(path: Path, tmp_path: Path):
    copy = tmp_path / "copy.db"
    unchanged_after_refusal(path, copy, "another target", url=ELSEWHERE)
    unchanged_after_refusal(path, copy, "another target", target="prod")
    restore(url_of(path), "default", ELSEWHERE, copy, other_target=True)
    memory = seen(path, ELSEWHERE)
    assert (set(memory.owned), memory.spent) == ({key_of("alice")}, 2)


def test_a_state_in_use_is_not_replaced(path: Path, tmp_path: Path):
    async def story(store: Store) -> None:
        with pytest.raises(StateLocked):
            restore(url_of(path), "default", URL, tmp_path / "copy.db")
        with pytest.raises(StateError, match="take the place"):
            store.backup(path)
        with pytest.raises(StateError):
            store.backup(tmp_path / "none" / "copy.db")
        assert set(store.memory(NOW).owned) == {key_of("alice"), key_of("bob")}

    with_store(path, story)
    assert not list(tmp_path.glob("*.new"))
