"""A machine that finds nothing must be able to find something: each safety is switched off in turn, in memory, and the
machine notices within a small part of its figure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reconciler import guards
from reconciler.api import exchange
from reconciler.api.outgoing import Departure
from reconciler.execute import call, scheduler
from reconciler.plan import order
from reconciler.systems.metadefender.protected import Protected
from reconciler.systems.metadefender.user import UserKind
from reconciler.systems.view import View
from tests.machine.schedules import play, schedule_of
from tests.machine.world import World
from tests.systems.kit import role, user, worker

Patch = pytest.MonkeyPatch
MOST = 1500
"""Schedules: a seventh of the figure for CI."""


def _without_order(patch: Patch) -> None:
    def ordered(draft: Any) -> Any:
        draft.edges = []
        return order.ordered(draft)

    patch.setattr("reconciler.plan.ordered", ordered)


def _never(*_: Any, **__: Any) -> Any:
    return None


SAFETIES: Mapping[str, tuple[str, Callable[[Patch], None]]] = {
    "ownership": ("6", lambda patch: patch.setattr(View, "owns", lambda *_: True)),
    "order": ("5", _without_order),
    "budget": ("11", lambda patch: patch.setattr(guards, "hold_over_budget", _never)),
    "protection": ("57", lambda patch: patch.setattr(Protected, "hold", _never)),
    "preconditions": ("58", lambda patch: patch.setattr(call, "prepared", lambda _k, _v, work, _s, _view: work)),
    "writes sent once": ("45", lambda patch: patch.setattr(exchange, "worth_another_try", lambda *_, **__: True)),
    "fresh reads": ("4", lambda patch: patch.setattr(scheduler, "_harms", lambda _: False)),
    "bad reads": ("09", lambda patch: patch.setattr(View, "_unread", _never)),
    "roles without names": ("2", lambda patch: patch.delattr(UserKind, "same")),
}
"""Name → the invariants that must be seen broken (any of them), and how it is switched off."""


def noticed(broken: str) -> int | None:
    """How many schedules it took."""
    chance = random.Random(broken)  # noqa: S311 - it guards nothing
    for number in range(1, MOST + 1):
        found = play(schedule_of(chance.randbytes(160))).violations()
        if any(one.partition(":")[0] in _invariants(broken) for one in found):
            return number
    return None


def _invariants(broken: str) -> set[str]:
    return {broken} if broken == "11" else set(broken)


@pytest.mark.ci
@pytest.mark.parametrize("safety", SAFETIES)
def test_a_safety_that_is_switched_off_is_noticed(safety: str, monkeypatch: Patch) -> None:
    broken, switch_off = SAFETIES[safety]
    switch_off(monkeypatch)
    assert noticed(broken) is not None, f"nothing was noticed in {MOST} schedules"


DOCUMENTS = [role("r1"), user("alice", "r1"), worker("w1")]


def _lost_everywhere() -> list[str]:
    points = len(World(DOCUMENTS).pass_().points)
    found = []
    for point in range(1, points + 1):
        world = World(DOCUMENTS)
        world.pass_(lose_lease=point)
        found += world.violations()
    return found


def test_a_lost_lease_stops_all_writes() -> None:
    assert _lost_everywhere() == []


def test_a_write_without_a_lease_is_noticed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Departure, "check", _never)
    assert any(one.startswith("9:") for one in _lost_everywhere())
