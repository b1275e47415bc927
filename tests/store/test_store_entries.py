"""The journal to the letter: what is written down comes back, and what is damaged is shown as far as it can be read."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

from reconciler.errors import StateError, StateUnusable
from reconciler.memory import OpenEntry
from reconciler.store import Approval, Entry, EntryRecord, Quarantine, Settlement, Store, Suspension
from reconciler.store.entry import DAMAGED
from reconciler.store.orders import DAMAGED as DAMAGED_ORDER
from tests.store.given import DAY, NOW, begun, entry_of, key_of, sql, user, with_store


def test_an_entry_comes_back_as_it_was_written(tmp_path: Path):
    async def story(store: Store) -> None:
        number = await begun(store)
        written = Entry(
            number, "deleteUser", "DELETE", "/admin/user/7", "delete", ("a", "b"), (key_of("x"),), ("x",), NOW, 3
        )
        first = await store.open_entry(written)
        assert store.entries() == [EntryRecord(first, written, "open", "", "", None)]
        assert store.memory(NOW).open == (OpenEntry(first, "deleteUser", "delete", (key_of("x"),), NOW, ""),)
        await store.settle(first, Settlement("unknown", reason="a\0b"), "an\0n", NOW + 1)
        kept = EntryRecord(first, written, "unknown", "a\ufffdb", "an\ufffdn", NOW + 1)
        assert store.entries() == [kept]
        assert store.memory(NOW).open[0].reason == "a\ufffdb"
        second = await store.open_entry(entry_of(number, "y"))
        assert second > first
        assert [one.id for one in store.entries()] == [second, first]
        assert [one.id for one in store.entries(limit=1)] == [second]
        assert [one.id for one in store.entries(open_only=True, limit=1)] == [second]
        await store.close_entry(second, Settlement("refused", reason="no"), NOW + 2)
        assert [one.id for one in store.entries(open_only=True)] == [first]
        assert [entry.entry for entry in store.memory(NOW).open] == [first]
        for status in ("done", "refused"):
            with pytest.raises(StateError) as told:
                await store.close_entry(second, Settlement(status))
            assert told.value.message == f"entry {second} is settled already: refused"
        with pytest.raises(StateError) as told:
            await store.close_entry(99, Settlement("done"))
        assert told.value.message == "the journal has no entry 99"
        with pytest.raises(StateError) as told:
            await store.end_pass(99, "failed", {}, [])
        assert told.value.message == "the state knows no pass 99"

    with_store(tmp_path / "state.db", story)


def test_a_damaged_entry_shows_what_can_be_read(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        number = await begun(store)
        for name in ("a", "b"):
            await store.open_entry(entry_of(number, name, destructive=2))
        sql(path, "UPDATE entries SET operation = x'00', method = x'01', path = x'02', action = x'03' WHERE id = 1")
        sql(path, "UPDATE entries SET moves = '5', names = '[1]', objects = 'x', destructive = 'x' WHERE id = 1")
        sql(path, "UPDATE entries SET at = 'x', settled_at = 'x', how = x'04', reason = 'mine' WHERE id = 1")
        sql(path, "UPDATE entries SET method = 'PUT', settled_at = 5.5 WHERE id = 2")
        second, first = store.entries()
        texts = [str(bytes([number])) for number in range(5)]
        entry = Entry(number, texts[0], texts[1], texts[2], texts[3], (), (), (), 0.0)
        assert first == EntryRecord(1, entry, "open", DAMAGED, texts[4], 0.0, intact=False)
        written = entry_of(number, "b", destructive=2)
        assert (second.intact, second.reason, second.settled_at) == (False, DAMAGED, 5.5)
        assert (second.entry.method, second.entry.path, second.entry.objects) == ("PUT", written.path, written.objects)
        assert (second.entry.moves, second.entry.names) == (written.moves, written.names)
        assert (second.entry.at, second.entry.destructive) == (NOW, 2)
        memory = store.memory(NOW)
        assert [(one.entry, one.reason) for one in memory.open] == [(1, DAMAGED), (2, DAMAGED)]
        assert (memory.spent, store.damaged) == (4, 2)

    with_store(path, story)


def test_a_status_that_is_lost_waits_to_be_settled(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        await store.open_entry(entry_of(await begun(store), "a"))
        for status in ("'x'", "''", "x'00'"):
            sql(path, f"UPDATE entries SET status = {status}")  # noqa: S608
            assert len(store.entries(open_only=True)) == len(store.memory(NOW).open) == 1

    with_store(path, story)


def test_a_damaged_entry_is_settled_as_of_now_whatever_it_says(tmp_path: Path):
    """It takes over what no intact entry accounts for, and belongs to the oldest pass: its own may be nonsense."""
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        older, newer = await begun(store), await begun(store)
        for name, count in (("a", 2), ("b", 3)):
            await store.open_entry(entry_of(newer, name, at=NOW, destructive=count))
        sql(path, "UPDATE entries SET pass_id = 99, charged = 0 WHERE id = 2")
        assert (store.memory(NOW).spent, store.damaged) == (5, 1)
        await store.settle(2, Settlement("unknown"), "ann", NOW + 100)
        kept = store.entries()[0]
        assert (kept.entry.pass_id, kept.entry.at, kept.intact, kept.reason) == (older, NOW + 100, True, "")
        assert (store.memory(NOW).spent, store.damaged) == (5, 0)
        assert sql(path, "SELECT charged FROM entries ORDER BY id") == [(2,), (3,)]
        assert store.memory(NOW + DAY).spent == 3
        assert store.memory(NOW + DAY + 99).spent == 3
        assert store.memory(NOW + DAY + 100).spent == 0

    with_store(path, story)


def test_a_damaged_entry_gives_nothing_back(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        number = await begun(store)
        fields = {key_of("a"): {"email": "a"}}
        await store.open_entry(entry_of(number, "a", action="delete", at=NOW, destructive=2, fields=fields))
        sql(path, "UPDATE entries SET path = 'x'")
        await store.settle(1, Settlement("not-done"), "ann", NOW)
        assert store.memory(NOW).spent == 2
        assert store.memory(NOW).unfinished == {}
        assert sql(path, "SELECT count(*) FROM unfinished") == [(0,)]

    with_store(path, story)


def test_a_counter_that_is_lost_is_said(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        sql(path, "UPDATE targets SET url = 'x'")
        with pytest.raises(StateUnusable) as told:
            store.memory(NOW)
        assert told.value.message == "the state's row of the target default is damaged"
        assert told.value.remedy == (
            "Put a backup in its place, or move it away to begin with a state that owns nothing."
        )
        sql(path, "DELETE FROM targets")
        with pytest.raises(StateUnusable, match="the state's row of the target default is damaged"):
            store.memory(NOW)

    with_store(path, story)


def test_a_target_is_made_once_with_a_lineage_of_its_own(tmp_path: Path):
    path = tmp_path / "state.db"
    before = time.time()
    lineages = []

    async def look(store: Store) -> None:
        lineages.append(store.lineage)

    for target in ("one", "two", "one"):
        with_store(path, look, target)
    assert lineages[0] == lineages[2] != lineages[1]
    assert all(str(uuid.UUID(found)) == found for found in lineages)
    rows = sql(path, "SELECT name, lineage, made, charged FROM targets ORDER BY name")
    assert [(name, lineage, charged) for name, lineage, _, charged in rows] == [
        ("one", lineages[0], 0),
        ("two", lineages[1], 0),
    ]
    assert all(before <= made <= time.time() for *_, made, _ in rows)


def test_ids_are_learnt_where_they_are_news(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        for name, number in (("a", "1"), ("b", None), ("c", "3")):
            await store.own(user(name, number, keep=True))
        await store.remember_ids({key_of("x"): "9", key_of("a"): "1", key_of("b"): "2", key_of("c"): "4"})
        found = store.memory(NOW).owned
        assert found == {key_of(name): user(name, id, keep=True) for name, id in (("a", "1"), ("b", "2"), ("c", "4"))}
        await store.own(user("a", "7", adopted=True))
        assert store.memory(NOW).owned[key_of("a")] == user("a", "7", adopted=True)
        await store.remember_sent(key_of("a"), {"/x": "k:1", "/y": "k:2"}, NOW)
        await store.remember_sent(key_of("a"), {"/y": "k:3"}, NOW + 1)
        found_sent = store.memory(NOW).sent[key_of("a")]
        assert {where: (one.fingerprint, one.at) for where, one in found_sent.items()} == {
            "/x": ("k:1", NOW),
            "/y": ("k:3", NOW + 1),
        }

    with_store(path, story)


def test_what_was_ordered_comes_back_to_the_letter(tmp_path: Path):
    path = tmp_path / "state.db"

    async def story(store: Store) -> None:
        await store.suspend(Suspension("an\0n", "wh\0y", NOW, NOW + 9))
        assert store.suspension(NOW) == Suspension("an\ufffdn", "wh\ufffdy", NOW, NOW + 9)
        sql(path, "UPDATE suspensions SET until = 1")
        assert store.suspension(NOW + 5) == Suspension("unknown", DAMAGED_ORDER, NOW + 5)
        # Approved by a clock that is up to a minute ahead, the oldest first.
        given = [Approval(digest, "b\0b", at, NOW + 99) for digest, at in (("c", NOW), ("b", NOW + 60), ("a", NOW))]
        for approval in given:
            await store.approve(approval)
        assert [(one.digest, one.by) for one in store.approvals(NOW)] == [(name, "b\ufffdb") for name in "acb"]
        assert [one.digest for one in store.approvals(NOW - 1)] == ["a", "c"]
        failed = [Quarantine(kind, ("x",), "an x", 2, NOW, "n\0o") for kind in ("User", "Role")]
        for one in failed:
            await store.quarantine(one)
        assert store.quarantines() == tuple(
            Quarantine(kind, ("x",), "an x", 2, NOW, "n\ufffdo") for kind in ("Role", "User")
        )
        sql(path, "UPDATE quarantines SET error = '' WHERE kind = 'Role'")
        assert [one.kind for one in store.quarantines()] == ["User"]

    with_store(path, story)
