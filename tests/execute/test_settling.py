"""How long somebody waits for what goes on after the answer, and with which words it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reconciler.execute.settling import Settling
from reconciler.steps import Status
from reconciler.systems.base import Verb
from tests.execute.doubles import Server
from tests.machine.loop import run
from tests.plan.test_instances import CORES, W1, cluster
from tests.systems.kit import live_worker, work_on

GOING = live_worker("w1", "5.15.0", status="Undeploying")


def waited(
    shown: Any, *, timeout: float = 60, stop: float | None = None, verb: Verb = Verb.DELETE
) -> tuple[Any, float, list[str]]:
    """How it ended, after how many seconds, and the words that were told meanwhile. A look every two seconds; ``stop``:
    after how many nobody is to wait any more."""
    seen = cluster(W1, CORES)
    server = Server({"listWorkers": [shown]}, takes={"listWorkers": 0.01})
    kind = seen.system.kinds["Deployment"]
    told: list[str] = []
    begun = server.clock.now

    async def wait() -> Any:
        settling = Settling(server.looker(seen, 60), begun + timeout, 2.0)
        if stop is not None:
            asyncio.get_running_loop().call_later(stop, settling.stop)
        work = work_on(seen, "Deployment", "cores/w1")
        return await settling.wait(kind, verb, work, begun, told.append)

    found = run(server.clock, wait(), lambda: None)
    assert server.sent("listWorkers") == len(told) + (found[0] is not Status.PROGRESSING)
    return found, server.clock.now - begun, told


def test_nothing_is_waited_for_beyond_its_time() -> None:
    """The last pause is as short as the time that is left."""
    found, seconds, told = waited(GOING, timeout=4.5)
    assert found == (Status.PROGRESSING, "not settled in time: undeploying")
    assert seconds == pytest.approx(4.5, abs=0.2)
    assert told == ["undeploying"] * 4


def test_who_stops_looks_once_more_and_waits_no_longer() -> None:
    found, seconds, told = waited(GOING, stop=0.3)
    assert found == (Status.PROGRESSING, "interrupted before it was settled: undeploying")
    assert seconds == pytest.approx(0.3, abs=0.1)
    assert told == ["undeploying"] * 2


def test_what_is_settled_is_not_waited_for() -> None:
    found, seconds, told = waited(live_worker("w1"))
    assert (found, told) == ((Status.DONE, None), [])
    assert seconds < 0.1


def test_what_failed_meanwhile_says_so() -> None:
    found, seconds, told = waited(live_worker("w1", "5.15.0", status="Failed"), verb=Verb.CREATE)
    assert (found, told) == ((Status.FAILED, "the Control Center says that it failed"), [])
    assert seconds < 0.1
