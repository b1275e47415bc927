"""Suspensions, approvals and quarantines: kept, ended, and on the safe side when they are damaged."""

from __future__ import annotations

import pytest

from reconciler.store import Approval, Quarantine, Store, Suspension
from tests.store.given import NOW, State, key_of, with_store


def test_a_suspension_lasts_until_its_time_or_its_end(state: State):
    timed, open_ended = Suspension("ann", "freeze", NOW, NOW + 60), Suspension("bob", "a\0b", NOW)

    async def suspending(store: Store) -> None:
        assert store.suspension(NOW) is None
        await store.suspend(timed)

    with_store(state, suspending)

    async def look(store: Store) -> None:
        assert store.suspension(NOW + 59) == timed
        assert store.suspension(NOW + 60) is None
        await store.suspend(open_ended)
        assert store.suspension(NOW * 2) == Suspension("bob", "a\N{REPLACEMENT CHARACTER}b", NOW)
        await store.resume()
        await store.resume()
        assert store.suspension(NOW) is None

    with_store(state, look)
    with_store(state, suspending, target="another")


@pytest.mark.parametrize("change", ["until = 1", "owner = 'x'", "reason = ''", "seal = 'x'"])
def test_a_damaged_suspension_holds(state: State, change: str):
    with_store(state, lambda store: store.suspend(Suspension("ann", "freeze", NOW, NOW + 60)))
    state.run(f"UPDATE suspensions SET {change}")  # noqa: S608

    async def look(store: Store) -> None:
        found = store.suspension(NOW + 3600)
        assert found is not None
        assert "damaged" in found.reason
        assert found.until is None
        await store.resume()
        assert store.suspension(NOW) is None

    with_store(state, look)


def test_approvals_stand_until_they_are_withdrawn_or_over(state: State):
    first, second = Approval("sha256:1", "ann", NOW, NOW + 60), Approval("sha256:2", "bob", NOW + 1, NOW + 10)

    async def story(store: Store) -> None:
        assert store.approvals(NOW) == ()
        await store.approve(second)
        await store.approve(first)
        await store.approve(first)
        assert store.approvals(NOW) == (first, second)
        assert store.approvals(NOW + 10) == (first,)
        await store.withdraw("sha256:1")
        await store.withdraw("sha256:1")
        assert store.approvals(NOW) == (second,)
        await store.approve(Approval("sha256:3", "ann", NOW + 10, NOW + 11))
        assert [one.digest for one in store.approvals(NOW)] == ["sha256:3"]

    with_store(state, story)
    assert state.run("SELECT count(*) FROM approvals") == [(1,)]


@pytest.mark.parametrize("change", ["until = until + 1", "digest = 'sha256:2'", "\"by\" = 'x'", "seal = 'é'"])
def test_a_damaged_approval_approves_nothing(state: State, change: str):
    with_store(state, lambda store: store.approve(Approval("sha256:1", "ann", NOW, NOW + 60)))
    state.run(f"UPDATE approvals SET {change}")  # noqa: S608

    async def look(store: Store) -> None:
        assert store.approvals(NOW) == ()

    with_store(state, look)


def test_quarantines_are_replaced_and_ended(state: State):
    def of(name: str, failures: int) -> Quarantine:
        return Quarantine("User", ("LOCAL", name), name, failures, NOW + failures, "refused\0")

    async def story(store: Store) -> None:
        assert store.quarantines() == ()
        for one in (of("bob", 1), of("alice", 1), of("bob", 2)):
            await store.quarantine(one)
        found = store.quarantines()
        assert [(one.key, one.failures, one.until) for one in found] == [
            (key_of("alice"), 1, NOW + 1),
            (key_of("bob"), 2, NOW + 2),
        ]
        await store.unquarantine(key_of("bob"))
        await store.unquarantine(key_of("bob"))
        assert [one.name for one in store.quarantines()] == ["alice"]

    with_store(state, story)
    state.run("UPDATE quarantines SET identity = '['")

    async def look(store: Store) -> None:
        assert store.quarantines() == ()

    with_store(state, look)
