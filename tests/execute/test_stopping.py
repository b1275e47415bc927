"""Somebody stops a run: what is under way is finished and told, what wasn't begun is left, with words for each."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.execute import Event, Happening, Options, Scheduler
from reconciler.reconcile import carry_out
from reconciler.steps import Report, Verdict
from tests.execute.scenes import machines
from tests.machine import world as machine
from tests.machine.world import World
from tests.systems.kit import role, user

LEFT = ("skipped", "interrupted before it was begun", 0)


def stopped(monkeypatch: pytest.MonkeyPatch, world: World, at: Happening, parallelism: int) -> tuple[Report, list[str]]:
    """The report of a run that is stopped at the first such event; and what was told, as "ended create/Role/r1"."""
    told: list[str] = []

    async def carried(case: Any, decision: Any, options: Options) -> Report:
        schedulers: list[Scheduler] = []

        def tell(event: Event) -> None:
            told.append(f"{event.happening} {event.move}")
            if event.happening is at:
                schedulers[0].stop()

        limited = Options(parallelism, options.timeout, options.poll)
        return await carry_out(case, decision, limited, tell, on_scheduler=schedulers.append)

    monkeypatch.setattr(machine, "carry_out", carried)
    report = world.pass_().report
    assert report is not None
    assert world.violations() == []
    return report, told


def ends(report: Report) -> dict[str, tuple[str, str | None, int]]:
    return {id: (str(one.status), one.error, one.attempts) for id, one in report.outcomes.items()}


@pytest.mark.parametrize("parallelism", [1, 8])
def test_what_was_not_begun_is_left(monkeypatch: pytest.MonkeyPatch, parallelism: int) -> None:
    """Nothing was sent when it was stopped: the roles still had to be looked for, the user waits for both."""
    world = World([role("r1"), role("r2"), user("alice", "r1", "r2")])
    report, told = stopped(monkeypatch, world, Happening.STARTED, parallelism)
    assert ends(report) == {"create/Role/r1": LEFT, "create/Role/r2": LEFT, "create/User/alice": LEFT}
    assert report.verdict is Verdict.PROGRESSING
    assert told[-1] == "ended create/User/alice"
    assert {"ended create/Role/r1", "ended create/Role/r2"} < set(told)
    assert {line.status for line in world.book.lines.values()} <= {"not-done"}


@pytest.mark.parametrize("parallelism", [1, 8])
def test_what_was_begun_is_finished(monkeypatch: pytest.MonkeyPatch, parallelism: int) -> None:
    world = World([role("r1"), role("r2"), user("alice", "r1", "r2")])
    report, _ = stopped(monkeypatch, world, Happening.ENDED, parallelism)
    found = ends(report)
    assert found["create/Role/r1"] == ("done", None, 1)
    assert found["create/Role/r2"] in (LEFT, ("done", None, 1))
    assert found["create/User/alice"] == LEFT


def test_what_takes_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = stopped(monkeypatch, machines(), Happening.WAITING, 8)
    found = ends(report)
    assert found["delete/Deployment/ometascan/w3"] == (
        "progressing",
        "interrupted before it was settled: undeploying",
        1,
    )
    assert found["delete/Worker/w3"] == LEFT
    assert found["create/Worker/w2"] == ("done", None, 1)
    assert report.verdict is Verdict.PROGRESSING
