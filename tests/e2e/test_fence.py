"""A pass whose lease is gone stops before its next request, and its journal says truly that nothing was sent."""

from __future__ import annotations

import asyncio
import time

import pytest

from reconciler.api import Hooks
from reconciler.errors import LeaseLost
from reconciler.execute import Options
from reconciler.opening import opened
from reconciler.policy import Policy
from reconciler.reconcile import carry_out, decide
from reconciler.settings import Where, claims, targets
from reconciler.store import EntryRecord, Store
from reconciler.trees import load_tree
from tests.e2e.kit import Desk, document
from tests.e2e.processes import HURRIED
from tests.postgres import running


class Fence:
    """Lets ``passes`` parts of requests through."""

    def __init__(self, passes: int) -> None:
        self.left = passes

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise LeaseLost("the lease isn't ours any more")


def roles(desk: Desk, count: int) -> None:
    desk.write(*(document("Role", f"r{number}", display_name=f"R {number}") for number in range(count)))


async def applied(desk: Desk, hooks: Hooks | None, parallelism: int) -> tuple[Store, list[EntryRecord]]:
    """One pass within this process; the journal's entries at its end."""
    target = targets(Where(), Policy())[0]
    loaded = load_tree(str(desk.tree), target, claims(Where()))
    async with opened(target, loaded, writes=True, hooks=hooks, lock_timeout=20) as case:
        assert case.store is not None
        try:
            decision = await decide(case, settle=True)
            await carry_out(case, decision, Options(parallelism))
        finally:
            entries = case.store.entries()
        return case.store, entries


def around(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in desk.env.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("parallelism", [1, 4])
def test_a_pass_ends_with_its_lease(desk: Desk, monkeypatch: pytest.MonkeyPatch, parallelism: int):
    roles(desk, 4)
    around(desk, monkeypatch)
    # The head and the body of one request.
    with pytest.raises(LeaseLost, match="nothing was sent") as lost:
        asyncio.run(applied(desk, Hooks(fence=Fence(2)), parallelism))
    assert not isinstance(lost.value.__context__, LeaseLost)
    written = desk.center.writes()
    assert len(written) <= 1
    entries = desk.run("status", "-o", "json").json()["open"]
    assert len(entries) <= 2 * parallelism - 1, "only what was under way, or waited for its turn, beside it"
    desk.env[HURRIED] = "1"
    desk.run("apply", "desired-state", "--yes").ended(0)
    assert [name for name in desk.center.names("roles") if name.startswith("r")] == ["r0", "r1", "r2", "r3"]


@pytest.mark.ci
def test_what_a_vanished_holder_has_sent_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    roles(desk, 1)
    with running() as server:
        desk.secret("fingerprint-key", "canary-of-the-fingerprints-0123456789")
        desk.env["RECONCILER_STATE"] = database = server.database()
        around(desk, monkeypatch)
        # A holder that goes with a request under way, whose lease runs out soon, and its request's deadline in 3 s.
        with pytest.raises(LeaseLost):
            asyncio.run(applied(desk, Hooks(fence=Fence(0)), 1))
        now = "extract(epoch FROM clock_timestamp())"
        server.sql(database, "UPDATE entries SET status = 'open'")
        server.sql(
            database,
            f"UPDATE leases SET holder = 'gone', expires = {now} + 1, request_deadline = 2",  # noqa: S608
        )
        started = time.monotonic()
        _, entries = asyncio.run(applied(desk, None, 1))
        assert time.monotonic() - started > 2.5
        assert [one.status for one in entries] == ["done", "not-done"]
        assert desk.center.writes() == ["createRole"]
