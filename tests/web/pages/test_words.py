"""The small words of the pages: times, sentences, revisions, states."""

from __future__ import annotations

import time

import pytest

from reconciler.daemon.state import Phase
from reconciler.store.records import PassRecord, PassStart, Suspension
from reconciler.web.pages.rendering import ago, distance, revision, sentence
from reconciler.web.pages.states import headline, state_of
from reconciler.web.pages.target import since
from tests.web.pages import stage

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("away", "told"),
    [
        (0, "just now"),
        (-1.9, "just now"),
        (1, "now"),
        (-2, "2 s ago"),
        (-59.9, "59 s ago"),
        (-60, "1 min ago"),
        (3599, "in 59 min"),
        (3600, "in 1 h"),
        (3 * 3600 + 59 * 60 + 59, "in 3 h 59 min"),
        (-86_400 * 3, "3 d ago"),
    ],
)
def test_distance(away: float, told: str):
    assert distance(NOW + away, NOW) == told


def test_a_time_is_for_people_and_for_machines():
    shown = ago(NOW - 60, NOW)
    assert shown == '<time datetime="2027-01-15T07:59:00Z" title="2027-01-15 07:59:00 UTC">1 min ago</time>'
    assert "9999-12-31" in ago(1e300, NOW)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the state is in use", "The state is in use"),
        ("https://a.example can't be reached", "https://a.example can't be reached"),
        ("prod", "prod"),
        ("400: taken", "400: taken"),
        ("", ""),
    ],
)
def test_sentence(text: str, told: str):
    assert sentence(text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "none"), ("a" * 40, "a" * 12), ("main", "main"), ("x" * 30, "x" * 24 + "... (30 characters)")],
)
def test_revision(text: str | None, told: str):
    assert revision(text) == told


@pytest.mark.parametrize(
    ("verdict", "more", "state"),
    [
        (None, {}, "waiting"),
        ("converged", {}, "converged"),
        ("error", {}, "failing"),
        ("failed", {"suspension": Suspension("ada", "x", NOW)}, "failing"),
        ("converged", {"suspension": Suspension("ada", "x", NOW)}, "suspended"),
        ("failed", {"phase": Phase.STANDBY}, "standby"),
        ("converged", {"phase": Phase.STOPPED}, "stopped"),
        ("something new", {}, "waiting"),
    ],
)
def test_state_of(verdict: str | None, more: dict[str, object], state: str):
    assert state_of(stage.target("a", verdict, **more)) == state


def test_headline():
    assert headline({}, sound=True) == "No targets"
    assert headline({"converged": 1}, sound=True) == "1 converged"
    assert headline({"converged": 3}, sound=False) == "Source not sound, all 3 converged"
    assert headline({"converged": 3, "failing": 1}, sound=True) == "1 failing"
    assert headline({"converged": 3, "suspended": 1}, sound=True) == "1 suspended, 3 converged"


def test_since_goes_back_as_long_as_nothing_changed():
    def passed(id: int, verdict: str | None) -> PassRecord:
        return PassRecord(id, PassStart(NOW + id), NOW + id + 0.5, verdict, {}, ())

    past = [passed(id, verdict) for id, verdict in enumerate(["failed", "converged", "failed", "ordered", "failed"])]
    assert since(stage.target("a", "failed"), past[::-1]) == NOW + 2.5
    assert since(stage.target("a", "converged"), past[::-1]) is None
    began = time.time() - 9
    assert since(stage.target("a", "suspended", suspension=Suspension("ada", "x", began)), past) == began
