"""What goes into a recording: fields that are called public, and nothing that merely stands beside them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.errors import InputError, ServerFault
from reconciler.memory import Memory, Owned, Sent
from reconciler.model import Desired
from reconciler.recording import Answer, Tape, dumps, loads, memory_of, recorded, replayed
from reconciler.recording.tape import pruned
from reconciler.secret import Seal
from reconciler.systems.registry import systems
from reconciler.systems.view import NotOffered, Unreadable, View
from reconciler.wire import Response

CANARY = "canary-of-the-server"
METADEFENDER = systems()["metadefender"]
COLLECTIONS = [
    pytest.param(one, id=f"{system.name}/{one.name}")
    for system in systems().values()
    for one in system.collections.values()
]
WORDS = ("password", "connection_key", "api_key", "token", "secret", "sealed_key", "private", "salt")


def drive(flow: Any, *answers: Response | Exception) -> Any:
    """The flow's result, with these answers to its requests."""
    try:
        request = next(flow)
        for answer in answers:
            if isinstance(answer, Exception):
                flow.throw(answer)
            else:
                flow.send(dataclasses.replace(answer, border=request.border))
    except StopIteration as end:
        return end.value
    raise AssertionError("the flow wants more")


def body(data: Any) -> Response:
    return Response(200, {}, json.dumps(data).encode())


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_no_collection_calls_a_secret_public(collection):
    assert collection.public
    assert [name for name in collection.public if any(word in name for word in WORDS)] == []
    assert not any(path.startswith(("storage/config", "config/password")) for path in collection.public)


@given(
    st.recursive(
        st.just(CANARY) | st.integers(),
        lambda part: (
            st.lists(part, max_size=3)
            | st.dictionaries(st.sampled_from(["password", "other", "id", "nested", "config"]), part, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_what_is_not_named_is_left_out_wherever_it_stands(data: Any):
    kept = pruned(data, frozenset({"id", "nested/id"}))
    for path, value in leaves(kept):
        assert value != CANARY or path[-1] == "id" or "id" in path


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, part in parts:
        yield from leaves(part, (*path, key))
    if not isinstance(data, dict | list):
        yield path or (None,), data


def test_a_list_a_map_and_an_object():
    public = frozenset({"id", "name", "config/host"})
    entry = {"id": 1, "name": "a", "key": CANARY, "config": {"host": "h", "password": CANARY}}
    clean = {"id": 1, "name": "a", "config": {"host": "h"}}
    assert pruned([entry, CANARY, [CANARY]], public) == [clean]
    assert pruned({"x1": entry, "x2": CANARY}, public) == {"x1": clean}
    assert pruned({"workers": [entry]}, public) == {"workers": [clean]}
    assert pruned(entry, public) == clean
    assert pruned(CANARY, public) is None


def test_the_order_of_a_list_is_ours():
    public = frozenset({"id"})
    assert pruned([{"id": 2}, {"id": 1}], public) == pruned([{"id": 1}, {"id": 2}], public) == [{"id": 1}, {"id": 2}]


def test_a_key_is_not_recorded_and_its_fingerprint_neither():
    tape = Tape(METADEFENDER.collections["users"])
    users = [{"id": 1, "name": "admin", "directory_id": 1, "roles": ["1"], "api_key": CANARY, "extra": CANARY}]
    result = drive(tape.fetch(Seal("default")), body(users))
    answer = tape.answer(result)
    assert CANARY not in str(answer)
    assert answer.body == [{"id": 1, "name": "admin", "directory_id": 1, "roles": ["1"], "is_self": False}]


def test_what_was_heard_plays_back_as_it_was():
    collection = METADEFENDER.collections["services"]
    service = {"service_id": "s1", "type": "broker", "display_name": "b", "config": {"host": "h", "port": 1}}
    tape = Tape(collection)
    result = drive(tape.fetch(Seal("")), body([service]))
    assert replayed(collection, tape.answer(result)) == result == [("s1", service)]


def test_a_collection_that_calls_nothing_public_is_recorded_as_unreadable():
    collection = replace(METADEFENDER.collections["users"], public=frozenset())
    tape = Tape(collection)
    answer = tape.answer(drive(tape.fetch(Seal("")), body([{"id": 1, "name": CANARY, "directory_id": 1}])))
    assert answer.unreadable is not None
    assert CANARY not in str(answer)
    assert isinstance(replayed(collection, answer), Unreadable)


@pytest.mark.parametrize("status", [404, 405])
def test_what_is_not_offered_stays_so(status: int):
    collection = METADEFENDER.collections["session"]
    tape = Tape(collection)
    answer = tape.answer(drive(tape.fetch(Seal("")), Response(status, {}, b"")))
    assert answer.status == status
    assert isinstance(replayed(collection, answer), NotOffered)


def test_a_flow_hears_of_errors_through_the_tape():
    tape = Tape(METADEFENDER.collections["users"])
    with pytest.raises(ServerFault):
        drive(tape.fetch(Seal("")), ServerFault("no", status=500))
    assert tape.answer(Unreadable("why")) == Answer(unreadable="why")


@pytest.mark.parametrize("answer", [None, Answer(), Answer(unreadable="why")])
def test_what_is_not_there_is_unreadable_and_not_empty(answer: Answer | None):
    assert isinstance(replayed(METADEFENDER.collections["users"], answer), Unreadable)


@pytest.mark.parametrize("data", [None, 1, {}, [1], [{}], [{"id": 1}], [{"id": 1, "name": 2, "directory_id": 1}]])
def test_a_body_that_no_server_would_send_is_damage(data: Any):
    with pytest.raises(InputError, match="it says of users"):
        replayed(METADEFENDER.collections["users"], Answer(status=200, body=data))


def test_what_is_remembered_comes_back_without_fingerprints():
    key = ("User", ("LOCAL", "alice"))
    thing = Owned("User", ("LOCAL", "alice"), "3", "alice", "alice", keep=True)
    memory = Memory("a-lineage", {key: thing}, {key: {"password": Sent("abc:fingerprint", 1.0)}}, spent=4)
    view = View(METADEFENDER, "prod", Desired(), {}, memory, own_user="admin")
    (found,) = loads(dumps([recorded(view, {}, url="https://c.example", at="2026-11-22T10:00:00Z")]), "live.json")
    back = memory_of(found)
    assert (back.lineage, back.owned, back.spent) == (None, {key: thing}, 4)
    assert list(back.sent[key]) == ["password"]
    assert "fingerprint" not in dumps([found]).decode()
    assert "a-lineage" not in dumps([found]).decode()


@pytest.mark.parametrize("name", sorted(systems()))
def test_each_system_can_be_recorded(name: str):
    view = View(systems()[name], "t", Desired(), {}, Memory())
    made = recorded(view, {}, url="https://x.example", at="2026-11-22T10:00:00Z")
    assert loads(dumps([made]), "f") == [made]
    assert [one.target for one in loads(dumps([made, made.model_copy(update={"target": "u"})]), "f")] == ["t", "u"]
    with pytest.raises(InputError, match="two recordings of one target"):
        loads(dumps([made, made]), "f")
