"""Two runs that differ in secret values only say the same, byte for byte; time is virtual, so it doesn't differ."""

from __future__ import annotations

import re

import pytest

from reconciler.execute.look import Looker
from reconciler.render import render_plan, render_report
from tests.machine.figures import play_many, times
from tests.machine.schedules import play, schedule_of
from tests.machine.server import Center
from tests.machine.wire import Outgoing
from tests.machine.world import SECRETS, World
from tests.systems.kit import user

SHARDS = 4
FORMATS = ("text", "json", "markdown", "html")


def said(world: World) -> list[str]:
    """All that was told to people. A digest stands for the plan's secrets too, by their keyed fingerprints."""
    told = [one.status for one in world.ended]
    for ended in world.ended:
        for form in FORMATS:
            if ended.plan is not None:
                told.append(render_plan(ended.plan, form))  # type: ignore[arg-type]
            if ended.report is not None:
                told.append(render_report(ended.report, form))  # type: ignore[arg-type]
    return [re.sub(r"sha256:[0-9a-f]{12,64}|\b[0-9a-f]{12}…?", "(digest)", text) for text in told]


def apart(tape: bytes) -> None:
    schedule = schedule_of(tape)
    one = play(schedule, values={name: f"one {name} \"'<&>" for name in SECRETS})
    two = play(schedule, values={name: f"another value, much longer, of {name}" for name in SECRETS})
    assert said(one) == said(two)


def test_secret_values_change_nothing_that_is_said() -> None:
    play_many(100, apart, times(10, 0) or 1)


@pytest.mark.ci
@pytest.mark.parametrize("number", range(SHARDS))
def test_secret_values_change_nothing_in_many_schedules(number: int) -> None:
    play_many(number, apart, times(0, 50))


def _quoting(monkeypatch: pytest.MonkeyPatch) -> tuple[World, World]:
    """Two runs against a server that repeats what it was sent."""

    async def answer(self: Center, outgoing: Outgoing) -> tuple[int, bytes]:
        return (400, b"not " + outgoing.body) if outgoing.operation == "createUser" else await real(self, outgoing)

    real = Center.answer
    monkeypatch.setattr(Center, "answer", answer)
    worlds = World([user("alice")], values={"pw": "one-secret"}), World([user("alice")], values={"pw": "two-secret"})
    for world in worlds:
        world.pass_()
    monkeypatch.setattr(Center, "answer", real)
    return worlds


def test_a_server_that_repeats_a_secret_tells_it_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = _quoting(monkeypatch)
    assert said(one) == said(two)
    assert "failed" in one.ended[0].status


def test_a_secret_that_is_said_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Looker, "quoted", lambda _, words: words)
    one, two = _quoting(monkeypatch)
    assert said(one) != said(two)
