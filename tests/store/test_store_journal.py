"""What entries do to ownership, to unfinished replacements and to the day's budget."""

from __future__ import annotations

import pytest

from reconciler.errors import StateError
from reconciler.memory import Memory, Sent
from reconciler.secret import Secret, SecretRef
from reconciler.store import PassStart, Settlement, Store
from tests.store.given import DAY, NOW, State, begun, entry_of, key_of, user, with_store


def test_a_new_state_knows_nothing(state: State):
    async def story(store: Store) -> None:
        assert store.memory(NOW) == Memory(lineage=store.lineage)
        assert store.history() == []
        assert store.entries() == []

    with_store(state, story)


def test_a_settlement_and_its_effects_are_one(state: State):
    async def story(store: Store) -> None:
        number = await begun(store)
        entry = await store.open_entry(entry_of(number, "alice"))
        await store.close_entry(
            entry,
            Settlement(
                "done",
                own=(user("alice", None, keep=True),),
                ids={key_of("alice"): "17", key_of("stranger"): "18"},
                sent={key_of("alice"): {"/password": "k:f1", "/api_key": "k:f2"}},
            ),
            at=NOW,
        )
        await store.remember_sent(key_of("alice"), {"/password": "k:f3"}, NOW + 5)

    with_store(state, story)

    async def look(store: Store) -> None:
        memory = store.memory(NOW)
        assert memory.owned == {key_of("alice"): user("alice", "17", keep=True)}
        assert memory.sent == {key_of("alice"): {"/password": Sent("k:f3", NOW + 5), "/api_key": Sent("k:f2", NOW)}}
        assert memory.open == ()
        kept = store.entries()[0]
        assert (kept.status, kept.how, kept.settled_at, kept.intact) == ("done", "answer", NOW, True)
        assert kept.entry == entry_of(kept.entry.pass_id, "alice")
        gone = await store.open_entry(entry_of(await begun(store), "alice", action="delete"))
        assert key_of("alice") in store.memory(NOW).owned
        await store.close_entry(gone, Settlement("done", disown=(key_of("alice"),)))
        assert store.memory(NOW) == Memory(lineage=store.lineage)

    with_store(state, look)


@pytest.mark.parametrize("status", ["unknown", "refused", "not-done"])
def test_a_delete_that_is_not_confirmed_stays_owned(state: State, status):
    async def story(store: Store) -> None:
        await store.own(user("alice"))
        entry = await store.open_entry(entry_of(await begun(store), "alice", action="delete"))
        await store.close_entry(entry, Settlement(status, reason="lost"))
        assert key_of("alice") in store.memory(NOW).owned

    with_store(state, story)


def test_forgetting_keeps_what_was_sent(state: State):
    async def story(store: Store) -> None:
        await store.own(user("alice", adopted=True))
        await store.remember_sent(key_of("alice"), {"/password": "k:f"}, NOW)
        await store.disown(("User", ("LOCAL", "alice")))
        memory = store.memory(NOW)
        assert memory.owned == {}
        assert memory.sent == {key_of("alice"): {"/password": Sent("k:f", NOW)}}

    with_store(state, story)


def test_unknown_stays_listed_until_someone_settles_it(state: State):
    async def story(store: Store) -> None:
        entry = await store.open_entry(entry_of(await begun(store), "alice"))
        await store.close_entry(entry, Settlement("unknown", reason="no answer"))
        assert [(e.entry, e.reason, e.at) for e in store.memory(NOW).open] == [(entry, "no answer", NOW)]
        assert [e.status for e in store.entries(open_only=True)] == ["unknown"]
        await store.settle(entry, Settlement("unknown", reason="still not seen"), "read")
        assert store.memory(NOW).open[0].reason == "still not seen"
        await store.settle(entry, Settlement("done", own=(user("alice"),)), "alice@example.com")
        memory = store.memory(NOW)
        assert memory.open == ()
        assert key_of("alice") in memory.owned
        assert store.entries(open_only=True) == []
        assert store.entries()[0].how == "alice@example.com"
        with pytest.raises(StateError, match="settled already"):
            await store.settle(entry, Settlement("not-done", disown=(key_of("alice"),)), "read")
        assert key_of("alice") in store.memory(NOW).owned

    with_store(state, story)


FIELDS = {
    "email": "a@example.com",
    "roles": frozenset({"admin", "analyst"}),
    "password": SecretRef("alice-password"),
    "settings": {"$": "tuple", "of": [1, None, 2.5, True], "nested": {"pair": ("a", ("b",))}},
}


@pytest.mark.parametrize("status", ["done", "unknown", None])
def test_a_replacement_is_unfinished_until_its_object_is_there(state: State, status):
    async def deleting(store: Store) -> None:
        await store.own(user("alice"))
        entry = entry_of(await begun(store), "alice", action="replace", fields={key_of("alice"): FIELDS})
        number = await store.open_entry(entry)
        if status:
            await store.close_entry(number, Settlement(status, disown=(key_of("alice"),)))

    with_store(state, deleting)

    async def creating(store: Store) -> None:
        unfinished = store.memory(NOW).unfinished
        assert {key: found.fields for key, found in unfinished.items()} == {key_of("alice"): FIELDS}
        number = await begun(store)
        failed = await store.open_entry(entry_of(number, "alice"))
        await store.close_entry(failed, Settlement("refused"))
        assert key_of("alice") in store.memory(NOW).unfinished
        entry = await store.open_entry(entry_of(number, "alice"))
        assert key_of("alice") in store.memory(NOW).unfinished
        await store.close_entry(entry, Settlement("done", own=(user("alice", "8"),)))
        assert store.memory(NOW).unfinished == {}

    with_store(state, creating)


def test_what_a_create_was_sent_with_is_known_until_its_id_is(state: State):
    async def creating(store: Store) -> None:
        number = await begun(store)
        gone = entry_of(number, "alice", action="delete", fields={key_of("alice"): {"email": "old"}})
        await store.close_entry(await store.open_entry(gone), Settlement("done"))
        for name in ("alice", "bob"):
            await store.open_entry(entry_of(number, name, fields={key_of(name): FIELDS}))
        refused = await store.open_entry(entry_of(number, "carol", fields={key_of("carol"): FIELDS}))
        await store.close_entry(refused, Settlement("refused"))

    async def learning(store: Store) -> None:
        memory = store.memory(NOW)
        assert memory.made == {key_of("alice"): FIELDS, key_of("bob"): FIELDS}
        assert memory.unfinished.keys() == {key_of("alice")}
        await store.close_entry(memory.open[0].entry, Settlement("done", own=(user("alice", None),)))
        assert store.memory(NOW).made.keys() == {key_of("alice"), key_of("bob")}
        assert store.memory(NOW).unfinished == {}
        await store.own(user("alice", "7"))
        assert store.memory(NOW).made.keys() == {key_of("bob")}
        await store.settle(memory.open[1].entry, Settlement("not-done"), "read")
        assert store.memory(NOW).made == {}

    with_store(state, creating)
    with_store(state, learning)


@pytest.mark.parametrize("status", ["refused", "not-done"])
def test_a_delete_that_did_nothing_leaves_nothing_to_finish(state: State, status):
    async def story(store: Store) -> None:
        number = await begun(store)
        older = entry_of(number, "alice", action="delete", fields={key_of("alice"): {"email": "old"}})
        await store.close_entry(await store.open_entry(older), Settlement("done"))
        newer = entry_of(number, "alice", action="delete", fields={key_of("alice"): {"email": "new"}})
        entry = await store.open_entry(newer)
        assert store.memory(NOW).unfinished[key_of("alice")].fields == {"email": "new"}
        await store.settle(entry, Settlement(status), "read")
        assert store.memory(NOW).unfinished[key_of("alice")].fields == {"email": "old"}
        await store.disown_unfinished(key_of("alice"))
        assert store.memory(NOW).unfinished == {}

    with_store(state, story)


@pytest.mark.parametrize("value", [Secret("hunter2"), object(), float("nan"), {1: "a"}, b"bytes"])
def test_what_cannot_be_kept_is_refused(state: State, value):
    async def story(store: Store) -> None:
        number = await begun(store)
        with pytest.raises(StateError) as refused:
            await store.open_entry(entry_of(number, "alice", fields={key_of("alice"): {"password": [value]}}))
        assert "hunter2" not in str(refused.value)
        assert store.entries() == []

    with_store(state, story)
    assert state.run("SELECT count(*) FROM unfinished") == [(0,)]


def test_the_budget_of_a_day(state: State):
    async def spend(store: Store, count: int, at: float, status) -> None:
        entry = await store.open_entry(entry_of(await begun(store), "alice", at=at, destructive=count))
        if status:
            await store.close_entry(entry, Settlement(status))

    async def story(store: Store) -> None:
        await spend(store, 1, NOW, None)
        await spend(store, 2, NOW, "done")
        await spend(store, 4, NOW, "unknown")
        await spend(store, 8, NOW, "refused")
        await spend(store, 16, NOW, "not-done")
        assert store.memory(NOW).spent == 7

    with_store(state, story)

    async def later(store: Store) -> None:
        assert store.memory(NOW + DAY - 1).spent == 7
        assert store.memory(NOW + DAY).spent == 0
        await spend(store, 3, NOW + DAY, "done")
        assert store.memory(NOW + DAY).spent == 3

    with_store(state, later)


def test_a_clock_that_jumps_back_frees_nothing(state: State):
    async def story(store: Store) -> None:
        number = await begun(store)
        for at in (NOW, NOW + 400 * DAY):
            entry = await store.open_entry(entry_of(number, "alice", at=at, destructive=5))
            await store.close_entry(entry, Settlement("done"))
        assert store.memory(NOW).spent == 10
        assert store.memory(NOW - 400 * DAY).spent == 10
        assert store.memory(NOW + 2 * DAY).spent == 5

    with_store(state, story)


def test_what_is_given_back_late_is_not_counted_twice(state: State):
    async def story(store: Store) -> None:
        number = await begun(store)
        await store.open_entry(entry_of(number, "bob", at=NOW, destructive=2))
        entry = await store.open_entry(entry_of(number, "alice", at=NOW, destructive=5))
        await store.settle(entry, Settlement("not-done"), "read")
        fresh = await store.open_entry(entry_of(number, "carol", at=NOW + 2 * DAY, destructive=1))
        assert fresh
        assert store.memory(NOW + 2 * DAY).spent == 1

    with_store(state, story)


def test_history_is_newest_first(state: State):
    async def story(store: Store) -> None:
        first = await store.begin_pass(PassStart(NOW, "enforce", "abc123", "sha256:00"))
        await store.end_pass(first, "converged", {"create": 1}, [{"step": "create/User/alice"}], at=NOW + 3)
        second = await begun(store)
        running, ended = store.history(10)
        assert (running.id, running.verdict, running.ended) == (second, None, None)
        assert (ended.start, ended.ended, ended.verdict) == (
            PassStart(NOW, "enforce", "abc123", "sha256:00"),
            NOW + 3,
            "converged",
        )
        assert (ended.summary, ended.outcomes) == ({"create": 1}, ({"step": "create/User/alice"},))
        assert [found.id for found in store.history(1)] == [second]
        with pytest.raises(StateError, match="no pass"):
            await store.end_pass(99, "failed", {}, [])

    with_store(state, story)


def test_old_idle_passes_are_dropped_and_busy_ones_kept(state: State, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reconciler.store.history.KEPT", 3)

    async def story(store: Store) -> None:
        busy = await begun(store)
        await store.open_entry(entry_of(busy, "alice"))
        numbers = [await begun(store) for _ in range(6)]
        assert [found.id for found in store.history(100)] == [*reversed(numbers[-3:]), busy]

    with_store(state, story)


def test_refused_logins_are_remembered(state: State):
    async def story(store: Store) -> None:
        assert store.refused_login("k:1") is None
        await store.remember_refused_login("k:1", NOW)
        await store.remember_refused_login("k:1", NOW + 1)

    with_store(state, story)

    async def look(store: Store) -> None:
        assert store.refused_login("k:1") == NOW + 1
        assert store.refused_login("k:2") is None
        await store.forget_refused_login("k:1")
        assert store.refused_login("k:1") is None

    with_store(state, look)
    assert state.run("SELECT count(*) FROM refused_logins") == [(0,)]
