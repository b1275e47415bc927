"""How old what was read may be when something is written by it, and what is read once more."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reconciler.errors import Unreachable
from reconciler.execute.look import MAX_AGE, MOMENT, MOST_QUOTED, Looker
from reconciler.secret import Seal
from reconciler.systems.view import View
from tests.execute.doubles import Server
from tests.machine.loop import run
from tests.systems.kit import TARGET, live_worker, view

CLIENT: Any = None  # nothing is read with it


@pytest.mark.parametrize(("age", "left"), [(0.0, MAX_AGE), (7.0, MAX_AGE - 7), (9.5, MOMENT), (60.0, MOMENT)])
def test_a_write_counts_from_the_oldest_read_that_it_rests_on(age: float, left: float):
    now = time.monotonic()
    looker = Looker(CLIENT, view(live={"listWorkers": []}), Seal(TARGET), now - age)
    assert looker.good_until(["workers"]) - now == pytest.approx(left, abs=0.2)


def test_what_rests_on_no_read_is_not_too_old():
    looker = Looker(CLIENT, view(), Seal(TARGET), 0.0)
    assert looker.good_until([]) > time.monotonic() + MOMENT


def test_a_quotation_is_bounded_and_without_our_secrets() -> None:
    found = Server({}).looker(view(), 60).quoted("you sent: value of pw\n" + "x" * 2 * MOST_QUOTED)
    assert found.startswith("you sent: (secret) x")
    assert len(found) == MOST_QUOTED


def test_what_was_never_read_is_read() -> None:
    seen = view()
    server = Server({"listWorkers": [live_worker("w1")]})
    blank = View(seen.system, TARGET, seen.desired, {})
    found = run(server.clock, server.looker(blank, 60).look(["workers"], 0.0), lambda: None)
    assert [one.name for one in found.live("Worker")] == ["w1"]


@pytest.mark.parametrize(("age", "reads"), [(0.0, 0), (MAX_AGE - 0.1, 0), (MAX_AGE + 0.1, 1)])
def test_what_was_read_just_now_is_not_read_again(age: float, reads: int) -> None:
    server = Server({"listWorkers": [live_worker("w1")]})
    found = run(server.clock, server.looker(view(), age).look(["workers"], float("-inf")), lambda: None)
    assert (server.sent("listWorkers"), len(found.live("Worker"))) == (reads, reads)


def test_what_was_read_before_the_moment_in_question_is_read_again() -> None:
    server = Server({"listWorkers": [live_worker("w1")]})
    run(server.clock, server.looker(view(), 1.0).look(["workers"], server.clock.now - 0.5), lambda: None)
    assert server.sent("listWorkers") == 1


def test_what_grew_old_while_another_was_read_is_read_again_and_at_most_three_times() -> None:
    server = Server({}, takes={"listWorkers": MAX_AGE + 1})
    run(server.clock, server.looker(view(), 60).look(["workers", "users"], 0.0), lambda: None)
    assert server.sent("listWorkers") == 3


def test_what_can_not_be_read_says_why() -> None:
    server = Server({"listWorkers": Unreachable("no way")})
    found = run(server.clock, server.looker(view(), 60).look(["workers"], 0.0), lambda: None)
    assert found.trouble(found.system.kinds["Worker"]) == "workers: no way"
