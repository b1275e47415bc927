"""One call from its first look to its end: what it says of itself when it wasn't sent, or when nobody told how it
ended; on virtual time, against a table of answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, cast

import pytest

from reconciler.api import Client
from reconciler.errors import InputError, ReconcilerError, TlsFailure, Unanswered, Unreachable
from reconciler.execute.call import TRIES, WAITS, Call, Ended
from reconciler.execute.look import MAX_AGE, MOST_QUOTED
from reconciler.steps import Action, Status, Step, Target
from reconciler.systems.base import Kind, Result, Results, Verb, Work
from reconciler.systems.brightriver import FileRejectionKind
from reconciler.systems.view import View
from reconciler.wire import Flow, Request
from tests.execute.doubles import Book, Server
from tests.machine.loop import run
from tests.plan.test_accounts import READ, accounts
from tests.plan.test_instances import CORES, W1, cluster
from tests.systems import test_oneway as oneway
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    Answer,
    live_role,
    live_user,
    live_worker,
    role,
    user,
    work_on,
)

ALICE = user("alice", email="n")


def call(
    server: Server, seen: View, verb: Verb, *works: Work, kind: Kind | None = None, age: float = 0.0
) -> tuple[Call, Book]:
    """A call by what was read ``age`` seconds ago."""
    book = Book()
    found = works[0].item or works[0].live
    assert found is not None
    steps = {one.move: Step("x", Action(verb.value), found.kind, "x", (Target(one.item, one.live),)) for one in works}
    kind = kind or seen.system.kinds[found.kind]
    return Call(cast(Client, server), server.looker(seen, age), book, 7, kind, verb, works, steps, float("-inf")), book


def ended(server: Server, made: Call) -> Ended:
    """How its one move ended."""
    (found,) = run(server.clock, made.run(), lambda: None).values()
    return found


def deletion(*her: Any, queued: Sequence[float] = (0,)) -> tuple[Server, Call, Book]:
    """Alice is to go; ``her`` is how she is shown when she is looked for."""
    seen = accounts(ALICE)
    server = Server({"listUsers": [ADMIN, *her], "listRoles": ROLES, "deleteUser": {}}, queued=queued)
    return server, *call(server, seen, Verb.DELETE, work_on(seen, "User", "alice"), age=60)


HER = live_user(5, "alice", [2])
ROLES = [ADMINISTRATOR, live_role(2, "ops", READ)]


# --- what isn't sent


def test_what_is_as_it_was_is_sent() -> None:
    server, made, book = deletion(HER)
    assert ended(server, made).sent
    assert (server.sent("deleteUser"), made.attempts, book.endings) == (1, 1, [(1, "done", "")])


def test_what_is_not_as_planned_is_not_sent_and_says_why() -> None:
    server, made, book = deletion(live_user(5, "alice", [2], email="theirs"))
    found = ended(server, made)
    assert (found.status, found.sent) == (Status.FAILED, False)
    assert found.error == "it was changed by somebody else since the plan was made: plan again"
    assert (server.sent("deleteUser"), made.attempts, book.entries) == (0, 0, [])


def test_what_is_so_already_is_done_and_was_not_sent() -> None:
    server, made, book = deletion()
    found = ended(server, made)
    assert (found.status, found.error, found.sent) == (Status.DONE, None, False)
    assert (server.sent("deleteUser"), made.attempts, book.entries) == (0, 0, [])


def test_what_has_begun_already_is_waited_for_like_what_was_sent() -> None:
    seen = cluster(W1, CORES)
    server = Server({"listWorkers": [live_worker("w1", "5.15.0", status="Undeploying")]})
    made, book = call(server, seen, Verb.DELETE, work_on(seen, "Deployment", "cores/w1"), age=60)
    found = ended(server, made)
    assert (found.status, found.error, found.sent, book.entries) == (Status.DONE, None, True, [])


@pytest.mark.parametrize(("error", "tries"), [(Unreachable("no way"), TRIES), (TlsFailure("bad certificate"), 1)])
def test_only_what_may_pass_is_tried_again(error: ReconcilerError, tries: int) -> None:
    """A login that fails before the call's own write: nothing of it was sent."""
    seen = accounts(user("alice", password={"secret": "new"}, previous_password={"secret": "pw"}))
    server = Server({"login": error, "listUsers": [ADMIN, HER], "listRoles": ROLES})
    made, book = call(server, seen, Verb.UPDATE, work_on(seen, "User", "alice", "password"))
    found = ended(server, made)
    assert (found.status, found.error, found.sent) == (Status.FAILED, error.message, False)
    assert (server.sent("login"), made.attempts, book.entries) == (tries, tries, [])


BROKEN_OFF = InputError("the file isn't the one that was planned")


@pytest.mark.parametrize("shown", [[live_role(9, "ops", READ)], Unreachable("no way")], ids=["another", "nothing"])
def test_what_cannot_be_sent_whole_is_not_done_whatever_the_server_shows(shown: Any) -> None:
    """Somebody may have made the same meanwhile: that isn't ours."""
    seen = accounts(role("ops", READ), users=[], roles=[])
    server = Server({"listRoles": shown, "createRole": BROKEN_OFF})
    made, book = call(server, seen, Verb.CREATE, work_on(seen, "Role", "ops"))
    found = ended(server, made)
    assert (found.status, found.error, found.sent) == (Status.FAILED, BROKEN_OFF.message, False)
    assert book.endings == [(1, "not-done", BROKEN_OFF.message)]
    assert (made.owned, made.attempts) == ([], 1)


@pytest.mark.parametrize(
    ("first", "status", "sent"),
    [(Unreachable("no way"), Status.SKIPPED, 1), (Unanswered("lost"), Status.DONE, 2)],
    ids=["not done", "unclear"],
)
def test_once_it_is_told_to_stop_only_what_was_begun_is_tried_again(
    first: ReconcilerError, status: Status, sent: int
) -> None:
    server, made, book = deletion(HER)
    answers = [first, {}]

    def stopping() -> bool:
        return server.sent("deleteUser") > 0

    server.in_turn("deleteUser", answers)
    made.stopping = stopping
    found = ended(server, made)
    assert (found.status, server.sent("deleteUser")) == (status, sent)
    assert found.error == ("interrupted before it was begun" if status is Status.SKIPPED else None)
    assert {one[1] for one in book.endings} <= {"not-done", "done"}


# --- what has waited too long


def test_what_waited_too_long_is_looked_at_anew_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wasn't sent, so the pause is the shortest, and no attempt is counted."""
    monkeypatch.setattr(random, "uniform", lambda least, most: most)
    server, made, book = deletion(HER, queued=(MAX_AGE + 1, 0))
    begun = server.clock.now
    assert ended(server, made).status is Status.DONE
    assert server.clock.now - begun == pytest.approx(MAX_AGE + 1 + 0.5)
    assert made.attempts == 1
    assert [one[1] for one in book.endings] == ["not-done", "done"]
    assert server.sent("listUsers") == 2


def test_what_waits_too_long_each_time_is_given_up() -> None:
    server, made, book = deletion(HER, queued=(MAX_AGE + 1,))
    found = ended(server, made)
    assert (found.status, found.sent, made.attempts) == (Status.FAILED, False, TRIES)
    assert found.error == "deleteUser: too much time has passed since the live side was read; nothing was sent"
    assert [one[1:] for one in book.endings] == [("not-done", found.error)] * (WAITS + TRIES)
    assert server.sent("deleteUser") == 0


# --- what nobody told


class Mute(FileRejectionKind):
    """Whose answers say this of everything."""

    def __init__(self, results: Results) -> None:
        super().__init__({"files": "files"})
        self._results = results

    def perform(self, verb: Verb, works: Sequence[Work], view: View) -> Flow[Results]:
        yield Request("rejectFiles", "POST", "/reject", write=True)
        return self._results


UNSEEN = "; the live side doesn't show whether it was done"


def rejected(answer: Answer, kind: Kind | None = None) -> tuple[Ended, Book]:
    seen = oneway.view(oneway.RIVER, oneway.river("r", "1"))
    server = Server({"rejectFiles": answer})
    (item,) = seen.items("FileRejection")
    made, book = call(server, seen, Verb.CREATE, Work("m", item, None), kind=kind)
    return ended(server, made), book


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ({"m": Result.unclear("come back later")}, "come back later"),
        ({"m": Result.unclear("")}, "no answer"),
        ({}, "the answer doesn't mention it"),
        ({"another": Result.unclear("of another")}, "the answer doesn't mention it"),
    ],
)
def test_what_is_unknown_says_what_was_answered(results: Results, words: str) -> None:
    found, book = rejected({}, Mute(results))
    assert (found.status, found.error, found.sent) == (Status.UNKNOWN, words + UNSEEN, True)
    assert book.endings == [(1, "unknown", words)]


def test_a_lost_answer_is_told_in_its_own_words() -> None:
    found, book = rejected(Unanswered("rejectFiles: the connection broke"))
    assert (found.status, found.error) == (Status.UNKNOWN, "rejectFiles: the connection broke" + UNSEEN)
    assert book.endings == [(1, "unknown", "rejectFiles: the connection broke")]


def test_what_a_server_says_is_one_bounded_line() -> None:
    found, book = rejected({}, Mute({"m": Result.refused("no\n" * 1000)}))
    assert found.error == ("no " * MOST_QUOTED)[:MOST_QUOTED]
    assert book.endings == [(1, "refused", found.error)]


def test_an_answer_gives_the_id() -> None:
    found, _ = rejected({}, Mute({"m": Result.done("17")}))
    assert (found.status, found.id, found.error) == (Status.DONE, "17", None)
