"""A pass that dies of its own state, in a process that lives on: what it has sent is waited for before it is judged."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from reconciler.api.settings import Limits
from reconciler.errors import StateError
from reconciler.execute import Options
from reconciler.opening import opened
from reconciler.policy import Policy
from reconciler.reconcile import Case, carry_out, decide
from reconciler.settings import Where, claims, targets
from reconciler.store import Entry, Store
from reconciler.trees import load_tree
from tests.e2e.kit import Desk, document, until

DEADLINE = 4.0


def fails_at_the_second(store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state fails when the second write is journalled, while the first is with the server."""
    open_entry = store.open_entry

    async def failing(entry: Entry) -> int:
        if entry.names == ("Role/late",):
            return await open_entry(entry)
        await asyncio.to_thread(until, lambda: "createRole" in desk.center.sent(), "the first is sent")
        raise StateError("the disk is full")

    monkeypatch.setattr(store, "open_entry", failing)


async def passes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A pass that dies, and the next one of the same process: its steps."""
    target = targets(Where(), Policy())[0]
    async with opened(target, load_tree(str(desk.tree), target, claims(Where())), writes=True) as case:
        assert case.store is not None
        with monkeypatch.context() as broken:
            fails_at_the_second(case.store, desk, broken)
            with pytest.raises(StateError, match="the disk is full"):
                await one(case)
        steps = await one(case)
        assert case.store.settle_after == 0.0
        return steps


async def one(case: Case) -> list[str]:
    decision = await decide(case, settle=True)
    await carry_out(case, decision, Options())
    return [step.id for step in decision.plan.steps]


def test_what_it_has_sent_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    for name, value in desk.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("reconciler.opening.Limits", partial(Limits, request=DEADLINE))
    desk.write(document("Role", "late"), document("Role", "other"))
    desk.center.fault("createRole", {"delay": 2.0}, times=1)
    assert asyncio.run(passes(desk, monkeypatch)) == ["create/Role/other"]
    assert desk.center.writes() == ["createRole", "createRole"]
    assert desk.center.names("roles") == ["administrator", "late", "other"]
    desk.converges()
