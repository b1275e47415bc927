"""The journal around one call: when an entry is written, how it is closed, and what is remembered with it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

import pytest

from reconciler.errors import BadReply, LeaseLost, ReconcilerError, ServerFault, StateError, Unanswered, Unreachable
from reconciler.execute.effects import key_of
from reconciler.execute.journaling import CallJournal, TooLate
from reconciler.memory import Memory, OpenEntry
from reconciler.model import Key
from reconciler.secret import SecretRef
from reconciler.steps import Action, Step, Target
from reconciler.systems.base import Result, Verb, Work
from reconciler.systems.view import View
from reconciler.wire import Request
from tests.execute.doubles import Book
from tests.plan.test_accounts import accounts
from tests.systems import test_oneway as oneway
from tests.systems.kit import KEYRING, SYSTEM, TARGET, again, doc, user, view, work_on, worker

PASSWORD = Request("changePassword", "POST", "/user/changepassword", write=True, covers=("password",))
CREATE = Request("createThing", "POST", "/thing", write=True)
KIND = "FileRejection"
ALICE: Key = ("User", ("LOCAL", "alice"))
BY_HIMSELF = user("alice", password={"secret": "new"}, previous_password={"secret": "pw"}, email="a@b.c")


def journal(
    seen: View, verb: Verb, works: Iterable[Work], action: Action | None = None, **more: Any
) -> tuple[Book, CallJournal]:
    works, book = tuple(works), Book()
    kind = seen.system.kinds[key_of(works[0])[0]]
    steps = {
        work.move: Step(
            f"x/{work.move}", action or Action(verb.value), kind.name, "x", (Target(work.item, work.live),), **more
        )
        for work in works
    }
    return book, CallJournal(book, 7, kind, verb, works, steps, seen)


def run(*steps: Coroutine[Any, Any, Any]) -> None:
    """One after the other."""

    async def all_of_them() -> None:
        for step in steps:
            await step

    asyncio.run(all_of_them())


def own_password() -> tuple[View, Work]:
    """Alice's password is to be changed in a session of her own."""
    seen = accounts(BY_HIMSELF)
    return seen, work_on(seen, "User", "alice", "password")


def mark(name: str, value: str, key: Key = ALICE) -> dict[str, str]:
    return {name: KEYRING.make(TARGET, *key, name, value)}


# --- an entry before each write


def test_an_entry_names_the_request_and_all_that_it_touches() -> None:
    seen = view(worker("w1"), worker("w2"))
    works = [Work(move, work_on(seen, "Worker", move).item, None) for move in ("w1", "w2")]
    book, log = journal(seen, Verb.CREATE, works)
    run(log.before(CREATE))
    (entry,) = book.entries
    assert (entry.pass_id, entry.operation, entry.method, entry.path) == (7, "createThing", "POST", "/thing")
    assert (entry.action, entry.moves, entry.destructive) == ("create", ("w1", "w2"), 0)
    assert entry.objects == (("Worker", ("w1:8893",)), ("Worker", ("w2:8893",)))
    assert entry.names == ("Worker/w1", "Worker/w2")
    assert entry.at == pytest.approx(time.time(), abs=60)
    assert set(entry.fields) == set(entry.objects)
    assert entry.fields["Worker", ("w1:8893",)]["connection_key"] == SecretRef("wk")


@pytest.mark.parametrize(
    ("verb", "action", "destructive", "charged", "kept"),
    [
        (Verb.DELETE, Action.DELETE, True, 1, False),
        (Verb.DELETE, Action.REPLACE, True, 1, True),
        (Verb.CREATE, Action.REPLACE, True, 0, True),
        (Verb.CREATE, Action.CREATE, False, 0, True),
        (Verb.UPDATE, Action.UPDATE, True, 1, False),
        (Verb.UPDATE, Action.UPDATE, False, 0, False),
    ],
)
def test_a_step_is_charged_where_it_destroys_and_keeps_what_comes_again(
    verb: Verb, action: Action, destructive: bool, charged: int, kept: bool
) -> None:
    """Once: a second write of the same call costs nothing more."""
    seen, work = own_password()
    book, log = journal(seen, verb, [work], action, destructive=destructive)
    run(log.before(PASSWORD), log.before(PASSWORD))
    assert [one.destructive for one in book.entries] == [charged, 0]
    assert [set(one.fields) for one in book.entries] == [{ALICE} if kept else set()] * 2


def test_what_is_made_for_good_is_not_kept_to_know_it_by() -> None:
    (work,), log, book = rejection()
    run(log.before(CREATE))
    assert work.item is not None
    assert [one.fields for one in book.entries] == [{}]


def test_a_write_that_follows_well_ends_the_one_before() -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD), log.before(CREATE))
    assert log.writes == 2
    assert book.endings == [(1, "done", "")]
    assert book.closed[0][1].sent == {ALICE: mark("password", "value of new")}


# --- what was read may not be old


def test_a_call_does_not_begin_by_an_old_read() -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    log.until = time.monotonic() - 1
    with pytest.raises(TooLate, match=r"^changePassword: too much time has passed since the live side was read; not"):
        run(log.before(PASSWORD))
    assert (book.entries, log.writes) == ([], 0)


def test_a_request_does_not_depart_by_an_old_read() -> None:
    seen, work = own_password()
    _, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD))
    log.departs(1)
    log.until = time.monotonic() - 1
    with pytest.raises(TooLate, match="changePassword"):
        log.departs(1)


def test_what_has_begun_goes_on_however_old_its_read_is() -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD))
    log.until = time.monotonic() - 1
    run(log.before(CREATE))
    log.departs(2)
    assert len(book.entries) == 2


# --- a write that failed on its way


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("no way"),
        ServerFault("no time", status=429),
        TooLate("too late"),
        LeaseLost("lost"),
    ],
)
def test_what_surely_was_not_sent_is_closed_at_once(error: ReconcilerError) -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD), log.after(1, None, error), log.conclude({"m": Result.refused("x")}))
    assert book.endings == [(1, "not-done", error.message)]


@pytest.mark.parametrize("error", [Unanswered("?"), BadReply("?"), StateError("?"), None])
def test_what_may_have_been_done_stays_open(error: ReconcilerError | None) -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD), log.after(1, None, error))
    assert book.closed == []


def test_the_entry_of_a_lost_lease_is_left_to_who_holds_it() -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    book.taken = True
    run(log.before(PASSWORD), log.after(1, None, LeaseLost("lost")))
    assert book.closed == []
    with pytest.raises(LeaseLost):
        run(log.before(PASSWORD), log.after(2, None, Unreachable("no way")))


# --- what the answer said


def workers() -> tuple[View, list[Work]]:
    seen = view(worker("w1"), worker("w2"))
    return seen, [Work(name, work_on(seen, "Worker", name).item, None) for name in ("w1", "w2")]


def test_a_call_for_several_is_done_where_one_is() -> None:
    seen, works = workers()
    book, log = journal(seen, Verb.CREATE, works)
    run(log.before(CREATE), log.conclude({"w1": Result.done("17"), "w2": Result.refused("no")}))
    assert book.endings == [(1, "done", "no")]
    ((_, found),) = book.closed
    assert [(one.key, one.id) for one in found.own] == [(("Worker", ("w1:8893",)), "17")]
    assert found.sent == {("Worker", ("w1:8893",)): mark("connection_key", "value of wk", ("Worker", ("w1:8893",)))}
    assert (log.owned, log.disowned) == (list(found.own), [])


def test_each_word_of_a_refusal_is_kept_once() -> None:
    seen, works = workers()
    book, log = journal(seen, Verb.CREATE, works)
    run(log.before(CREATE), log.conclude({"w1": Result.refused("why"), "w2": Result.refused("because")}))
    book2, log2 = journal(seen, Verb.CREATE, works)
    run(log2.before(CREATE), log2.conclude({"w1": Result.refused("no"), "w2": Result.refused("no")}))
    assert (book.endings, book2.endings) == ([(1, "refused", "because; why")], [(1, "refused", "no")])
    assert book.closed[0][1].own == ()
    assert log.owned == []


@pytest.mark.parametrize("silence", [{}, {"w2": Result.unclear("?")}])
def test_who_is_not_mentioned_keeps_the_entry_open_until_it_was_read(silence: Mapping[str, Result]) -> None:
    seen, works = workers()
    book, log = journal(seen, Verb.CREATE, works)
    run(log.before(CREATE), log.conclude({"w1": Result.done("17"), **silence}))
    assert book.closed == []
    run(log.close_unclear([], [], "no answer"))
    assert book.endings == [(1, "done", "no answer")]
    assert [(one.name, one.id) for one in book.closed[0][1].own] == [("w1", "17")]


@pytest.mark.parametrize(
    ("done", "unknown", "ending"),
    [((), (), "not-done"), ((0,), (), "done"), ((), (1,), "unknown"), ((0,), (1,), "unknown")],
)
def test_a_read_tells_what_the_answer_did_not(done: tuple[int, ...], unknown: tuple[int, ...], ending: str) -> None:
    seen, works = workers()
    book, log = journal(seen, Verb.CREATE, works)
    run(log.before(CREATE), log.close_unclear([works[n] for n in done], [works[n] for n in unknown], "lost"))
    assert book.endings == [(1, ending, "lost")]
    assert [one.name for one in book.closed[0][1].own] == [works[n].move for n in done]


def test_nothing_is_closed_twice_or_without_a_write() -> None:
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.close_unclear([work], [], "x"), log.before(PASSWORD), log.conclude({"m": Result.done()}))
    run(log.conclude({"m": Result.done()}), log.close_unclear([work], [], "x"))
    assert book.endings == [(1, "done", "")]


def test_only_what_its_request_conveyed_is_remembered_with_it() -> None:
    seen, work = own_password()
    for covers, sent in ((("email",), {}), (("password",), {ALICE: mark("password", "value of new")})):
        book, log = journal(seen, Verb.UPDATE, [work])
        run(log.before(dataclasses.replace(PASSWORD, covers=covers)), log.conclude({"m": Result.done()}))
        assert [one.sent for _, one in book.closed] == [sent]


def test_what_was_found_done_without_a_write_is_remembered() -> None:
    """An earlier call, of which nobody knew, had changed the password."""
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.conclude({"m": Result.done()}))
    ((key, sent, at),) = book.sent
    assert (key, sent) == (ALICE, mark("password", "value of new"))
    assert at == pytest.approx(time.time(), abs=60)
    assert (book.entries, book.closed) == ([], [])


def test_what_was_refused_or_can_be_read_is_not_remembered() -> None:
    seen, work = own_password()
    for changed, result in (("password", Result.refused("no")), ("email", Result.done())):
        book, log = journal(seen, Verb.UPDATE, [Work("m", work.item, work.live, frozenset({changed}))])
        run(log.conclude({"m": result}))
        assert book.sent == []


# --- what is ours, what is gone


def test_what_is_deleted_for_good_is_ours_no_more() -> None:
    seen = accounts()
    work = work_on(seen, "User", "alice")
    for action, gone in ((Action.DELETE, (ALICE,)), (Action.REPLACE, ())):
        book, log = journal(seen, Verb.DELETE, [work], action)
        run(log.before(CREATE), log.conclude({"m": Result.done()}))
        ((_, found),) = book.closed
        assert (found.disown, found.own, found.sent, log.disowned) == (gone, (), {}, list(gone))


def test_what_goes_slowly_is_ours_until_its_end_was_seen() -> None:
    kind = SYSTEM.kinds["Deployment"]
    assert kind.polls is not None
    from tests.plan.test_instances import CORES, W1, cluster

    seen = cluster(W1, CORES)
    book, log = journal(seen, Verb.DELETE, [work_on(seen, "Deployment", "cores/w1")])
    run(log.before(CREATE), log.conclude({"m": Result.done()}))
    assert [one.disown for _, one in book.closed] == [()]


def test_a_setting_is_ours_once_it_was_sent_and_a_changed_object_already_was() -> None:
    seen = view(doc("Cleanup", "c", {"auditlog": 24}))
    book, log = journal(seen, Verb.UPDATE, [work_on(seen, "Cleanup", "c", "auditlog")])
    run(log.before(CREATE), log.conclude({"m": Result.done()}))
    assert [(one.kind, one.id, one.document) for one in book.closed[0][1].own] == [("Cleanup", None, "c")]
    seen, work = own_password()
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD), log.conclude({"m": Result.done()}))
    assert book.closed[0][1].own == ()


# --- what is told once, and can't be read


def rejection(*unanswered: str) -> tuple[list[Work], CallJournal, Book]:
    """A file that is rejected, while requests for these files are without an answer."""
    seen = oneway.view(
        oneway.RIVER,
        oneway.river("r", "1"),
        open=tuple(one for id in unanswered for one in oneway.unanswered(KIND, id)),
    )
    works = [Work("m", item, None) for item in seen.items(KIND)]
    book, log = journal(seen, Verb.CREATE, works)
    return works, log, book


@pytest.mark.parametrize(
    ("result", "ending"), [(Result.done(), "done"), (Result.refused("no"), "refused"), (Result.unclear("?"), None)]
)
def test_a_clear_answer_to_a_second_try_settles_the_first(result: Result, ending: str | None) -> None:
    _, log, book = rejection("1")
    run(log.before(CREATE), log.conclude({"m": result}))
    assert [(number, one.status, one.reason, how) for number, one, how in book.settled] == [
        (number, ending, "a later answer settled it", "answer") for number in ([] if ending is None else [1])
    ]


def test_only_a_first_try_for_the_same_is_settled_by_it() -> None:
    _, log, book = rejection("2")
    run(log.before(CREATE), log.conclude({"m": Result.done()}))
    assert book.settled == []


def test_what_can_be_read_is_settled_by_reading_alone() -> None:
    seen, work = own_password()
    seen = again(seen, memory=Memory(lineage="l", open=(OpenEntry(3, "changePassword", "update", (ALICE,), 1.0),)))
    book, log = journal(seen, Verb.UPDATE, [work])
    run(log.before(PASSWORD), log.conclude({"m": Result.done()}))
    assert book.settled == []
