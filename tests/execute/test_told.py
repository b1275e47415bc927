"""What a step tells of itself: its words, its attempts, how long it was waited, and what happened to it meanwhile."""

from __future__ import annotations

import random
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from reconciler.execute import Event
from reconciler.execute.call import TRIES
from reconciler.execute.outcomes import combine
from reconciler.model import FileFacts
from reconciler.policy import Policy
from reconciler.reconcile import carry_out
from reconciler.steps import Action, Outcome, Status, Step
from tests.execute.test_calls import said
from tests.machine import wire
from tests.machine import world as machine
from tests.machine.schedules import add, change, gone
from tests.machine.wire import Edit, Fault, Wire
from tests.machine.world import Ended, World
from tests.systems.kit import doc, role, user, worker

CHANGED = "it was changed by somebody else since the plan was made: plan again"
PACKAGE = "ometascan-5.15.0-1-x64.msi"
CAROL = [add("users", name="carol")]


def leaving(**more: Any) -> World:
    """Carol is ours, and is to go."""
    return World([role("r1")], live=CAROL, ours=[("User", "carol")], policy=Policy(prune=True), **more)


def seconds(ended: Ended, step: str) -> float:
    assert ended.report is not None
    return ended.report.outcomes[step].seconds


# --- files


def with_package(folder: Path, content: bytes = b"abcd", sha: str | None = None) -> World:
    """An installer of four bytes, and a role beside it; ``content`` is what the file holds when it is sent."""
    (folder / PACKAGE).write_bytes(content)
    documents = [doc("Installer", "core", {"file": PACKAGE}), role("r1")]
    return World(documents, files={PACKAGE: FileFacts(str(folder / PACKAGE), 4, sha)})


def test_a_file_is_sent_and_remembered_by_its_checksum(tmp_path: Path) -> None:
    """Of which only name and size were known when it was planned."""
    world = with_package(tmp_path)
    sha = sha256(b"abcd").hexdigest()
    assert said(world.pass_(), "create/Installer/core") == ("done", None, 1)
    ((id, shown),) = world.center.snapshot()["installers"].items()
    assert (shown["checksum"], shown["size"]) == (sha, 4)
    assert [(key, one.id) for key, one in world.book.owned.items() if key[0] == "Installer"] == [
        (("Installer", (sha,)), id)
    ]
    assert world.pass_().writes == []


@pytest.mark.parametrize(("content", "sha"), [(b"abcde", None), (b"abc", None), (b"abcX", sha256(b"abcd").hexdigest())])
def test_a_file_that_is_another_by_now_fails_its_own_step_alone(
    content: bytes, sha: str | None, tmp_path: Path
) -> None:
    world = with_package(tmp_path, content, sha)
    ended = world.pass_()
    words = f"{PACKAGE} is not the file that was planned; the upload was broken off before its last byte"
    assert said(ended, "create/Installer/core") == ("failed", words, 0)
    assert said(ended, "create/Role/r1") == ("done", None, 1)
    found = {line.entry.operation: (line.status, line.reason) for line in world.book.lines.values()}
    assert found == {"uploadInstaller": ("not-done", words), "createRole": ("done", "")}


def test_a_file_that_is_gone_by_now_fails_its_own_step_alone(tmp_path: Path) -> None:
    world = with_package(tmp_path)
    (tmp_path / PACKAGE).unlink()
    ended = world.pass_()
    words = f"{tmp_path / PACKAGE} can't be read: No such file or directory"
    assert said(ended, "create/Installer/core") == ("failed", words, 0)
    assert said(ended, "create/Role/r1") == ("done", None, 1)


# --- how long, how often


@pytest.mark.parametrize(("asked", "waited"), [("0", 0), ("7", 7), ("30", 30), ("100", 30)])
def test_a_server_that_asks_for_patience_is_given_half_a_minute(
    asked: str, waited: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(wire._MADE_UP, "429", wire._error(429, **{"retry-after": asked}))
    monkeypatch.setattr(random, "uniform", lambda least, most: 0.0)
    world = World([role("r1")])
    ended = world.pass_(faults=[Fault("429", "createRole")])
    assert said(ended, "create/Role/r1") == ("done", None, 2)
    assert seconds(ended, "create/Role/r1") == pytest.approx(waited, abs=0.5)
    assert [(line.status, "429" in line.reason) for line in world.book.lines.values()] == [
        ("not-done", True), ("done", False),
    ]  # fmt: skip


def test_a_server_that_has_no_time_is_given_up() -> None:
    world = World([role("r1")])
    ended = world.pass_(faults=[Fault("429", "createRole", times=9)])
    status, error, attempts = said(ended, "create/Role/r1")
    assert (status, attempts, ended.writes) == ("failed", 0, [])
    assert error is not None
    assert "429" in error
    assert [line.status for line in world.book.lines.values()] == ["not-done"] * TRIES
    assert world.book.owned == {}


def test_each_pause_is_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []

    def longest(least: float, most: float) -> float:
        asked.append((least, most))
        return most

    monkeypatch.setattr(random, "uniform", longest)
    monkeypatch.setattr(Wire, "latency", (0.0, 0.0))
    ended = World([role("r1")]).pass_(faults=[Fault("lost-request", "createRole", times=TRIES - 1)])
    assert said(ended, "create/Role/r1") == ("done", None, TRIES)
    assert seconds(ended, "create/Role/r1") == pytest.approx(0.5 * 2 + 0.5 * 4, abs=0.2)
    assert asked[:2] == [(0.1, 0.5)] * 2


# --- what has changed meanwhile


def test_what_somebody_else_changed_between_plan_and_write_is_told() -> None:
    """The list is read once for the plan and once right before the write."""
    edit = Edit(change("users", {"name": "carol"}, email="theirs@b.c"), on="listUsers", nth=2)
    ended = leaving().pass_(edits=[edit])
    assert said(ended, "delete/User/carol") == ("failed", CHANGED, 0)
    assert ended.writes == ["createRole"]


def test_a_list_that_fails_right_before_a_write_is_told() -> None:
    ended = leaving().pass_(faults=[Fault("html", "listUsers", nth=2, times=9)])
    status, error, attempts = said(ended, "delete/User/carol")
    assert (status, attempts) == ("failed", 0)
    assert error is not None
    assert error.startswith("the live side couldn't be read right before the write (users: ")


def test_what_is_gone_before_it_was_asked_for_took_no_attempt() -> None:
    ended = leaving().pass_(edits=[Edit(gone("users", name="carol"), on="listUsers", nth=2)])
    assert (said(ended, "delete/User/carol"), ended.writes) == (("done", None, 0), ["createRole"])


def test_what_is_gone_after_it_was_asked_for_took_one_attempt() -> None:
    world = leaving()
    edit = Edit(gone("users", name="carol"), on="listUsers", nth=3)
    ended = world.pass_(faults=[Fault("429", "deleteUser", times=9)], edits=[edit])
    assert (said(ended, "delete/User/carol"), ended.writes) == (("done", None, 1), ["createRole"])


# --- what was told of several


def test_who_of_several_was_refused_and_in_which_words() -> None:
    world = World([worker("w1"), worker("w2")])
    ended = world.pass_(faults=[Fault("some-failed", "connectWorkers", times=9)])
    found = {step: said(ended, f"create/Worker/{step}") for step in ("w1", "w2")}
    assert found["w1"] == ("done", None, 1)
    assert found["w2"][0] == "failed"
    assert found["w2"][1]
    assert {key[1] for key in world.book.owned} == {("w1:8893",)}


# --- what is told while it runs


def events_of(world: World, *faults: Fault) -> list[Event]:
    events: list[Event] = []
    machine.carry_out = partial(carry_out, tell=events.append)  # type: ignore[attr-defined]
    try:
        world.pass_(faults=faults)
    finally:
        machine.carry_out = carry_out  # type: ignore[attr-defined]
    return events


def test_an_event_names_the_step_and_the_move() -> None:
    """A replacement is one step of two moves."""
    policy = Policy(allow=frozenset({"replace"}))
    world = World([user("carol", email="n@b.c")], live=CAROL, ours=[("User", "carol")], policy=policy)
    step = "replace/User/carol"
    assert [(str(one.happening), one.step, one.move) for one in events_of(world)] == [
        (happening, step, f"{step}#{half}") for half in ("down", "up") for happening in ("started", "ended")
    ]


def test_an_end_is_told_with_its_outcome_and_its_words() -> None:
    (started, ended) = events_of(World([role("r1")]), Fault("429", "createRole", times=9))
    assert (started.text, started.outcome) == ("", None)
    assert ended.outcome is not None
    assert (ended.outcome.status, ended.text) == (Status.FAILED, ended.outcome.error)


# --- what it is decided by


def read_once_more(document: str) -> int:
    """How many reads there are beside those for the plan."""
    report = World([document]).pass_().report
    assert report is not None
    assert [(str(one.status), one.attempts) for one in report.outcomes.values()] == [("done", 1)]
    return report.extra.get("GET", 0)


def test_only_what_makes_or_harms_is_decided_by_a_read_of_its_own() -> None:
    """A setting goes by what was read for the plan a moment ago; what is made is looked for once more."""
    assert read_once_more(doc("Session", "s", {"sessionTimeout": 60_000})) == 0
    assert read_once_more(role("r1")) > 0


# --- from two phases to one step


def two(below: Outcome, above: Outcome) -> Outcome:
    step = Step("replace/User/a", Action.REPLACE, "User", "a", ())
    return combine(step, {f"{step.id}#down": below, f"{step.id}#up": above})


@pytest.mark.parametrize("status", [Status.FAILED, Status.SKIPPED, Status.UNKNOWN, Status.PROGRESSING])
def test_a_step_that_is_not_taken_down_ends_there(status: Status) -> None:
    below, above = Outcome("d", status, "why", 2, 3.0), Outcome("u", Status.SKIPPED, "waits for it", 0, 0.0)
    assert two(below, above) == Outcome("replace/User/a", status, "why", 2, 3.0)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (Status.FAILED, Status.FAILED),
        (Status.SKIPPED, Status.FAILED),
        (Status.UNKNOWN, Status.UNKNOWN),
        (Status.PROGRESSING, Status.PROGRESSING),
    ],
)
def test_a_step_that_is_not_up_again_says_so(status: Status, found: Status) -> None:
    below, above = Outcome("d", Status.DONE, None, 1, 3.0), Outcome("u", status, "why", 2, 4.0)
    words = "taken down, and not up again yet; the next run finishes it (why)"
    assert two(below, above) == Outcome("replace/User/a", found, words, 2, 7.0)


def test_a_step_that_is_up_again_tells_what_its_second_phase_told() -> None:
    below = Outcome("d", Status.DONE, None, 3, 3.0)
    assert two(below, Outcome("u", Status.DONE, None, 1, 4.0)) == Outcome("replace/User/a", Status.DONE, None, 3, 7.0)
    assert two(below, Outcome("u", Status.DONE, "a word", 1, 4.0)).error == "a word"


def test_a_step_of_one_phase_is_its_move() -> None:
    one = Outcome("create/User/a", Status.DONE, None, 1, 1.0)
    assert combine(Step("create/User/a", Action.CREATE, "User", "a", ()), {one.step: one}) is one
