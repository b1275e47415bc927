"""The two systems that are told once: every answer of theirs, the requests, what is refused before, and the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pytest

from reconciler.errors import InputError
from reconciler.load import load
from reconciler.memory import Memory, OpenEntry, Owned
from reconciler.model import Item, Key, SourceFile
from reconciler.plan import make_plan
from reconciler.policy import Policy
from reconciler.secret import Secret
from reconciler.steps import Plan
from reconciler.systems.base import Result, Said, System, Verb, Work
from reconciler.systems.brightriver import BrightRiver
from reconciler.systems.brightriver import meaning as river_meaning
from reconciler.systems.bunnystudio import BunnyStudio
from reconciler.systems.bunnystudio import meaning as bunny_meaning
from reconciler.systems.oneway import Meaning
from reconciler.systems.view import View
from reconciler.validate import validate
from reconciler.wire import Request, Response
from tests.systems.kit import body, rules, run, shape

RIVER, BUNNY = BrightRiver(), BunnyStudio()
UUID, OTHER = "671e74ab-ca44-4d87-9346-ae8318c44774", "0b8e2f04-0f7c-4a2c-8f0a-3d3f6f1f7a55"
AGE = {"reasonCode": "genderAndAgeChange", "newGenderAndAge": "12"}
SAID = {
    Meaning.SETTLED: Said.DONE,
    Meaning.INPUT: Said.REFUSED,
    Meaning.CREDENTIALS: Said.REFUSED,
    Meaning.MISSING: Said.REFUSED,
    Meaning.AGAIN: Said.UNCLEAR,
}


# --- documents, views, plans


def river(name: str, *files: str, **spec: Any) -> str:
    """A FileRejection."""
    return _document("brightriver/v1", "FileRejection", name, {"files": list(files), **spec})


def bunny(name: str = UUID, **spec: Any) -> str:
    """A DeliverableRejection."""
    return _document("bunnystudio/v1", "DeliverableRejection", name, spec)


def _document(version: str, kind: str, name: str, spec: Mapping[str, Any]) -> str:
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})


def problems(system: System, *documents: str) -> list[str]:
    """What is wrong with documents, as ``place: message``."""
    loaded, found = load([SourceFile("a.yaml", "\n---\n".join(documents).encode())])
    return [str(one) for one in [*found, *validate(loaded, system)[1]]]


def view(system: System, *documents: str, **memory: Any) -> View:
    """Documents without a problem beside what is remembered; there is nothing to read."""
    loaded, found = load([SourceFile("a.yaml", "\n---\n".join(documents).encode())])
    desired, more = validate(loaded, system)
    assert [str(one) for one in [*found, *more]] == []
    return View(system, "default", desired, {}, Memory(lineage="l", **memory))


def plan(seen: View, **policy: Any) -> Plan:
    return make_plan(seen, Policy(**policy), url="https://studio.example")


def owning(kind: str, *ids: str) -> dict[Key, Owned]:
    """What was acknowledged."""
    return {(kind, (id,)): Owned(kind, (id,), None, id, id) for id in ids}


def unanswered(kind: str, *ids: str) -> tuple[OpenEntry, ...]:
    """A journal entry for each id, in this order; one id twice has gone unanswered twice."""
    return tuple(OpenEntry(n, "reject", "create", ((kind, (id,)),), 1.0) for n, id in enumerate(ids, 1))


def items(seen: View) -> list[Item]:
    return [item for kind in seen.system.kinds for item in seen.items(kind)]


def ask(seen: View, answer: Response, *ids: str) -> tuple[list[Result], Request]:
    """What becomes of all that is declared (or some of it) in one call, and what is asked."""
    works = [Work(item.identity[0], item, None) for item in items(seen) if not ids or item.identity[0] in ids]
    [kind] = seen.system.kinds.values()
    results, asked = run(kind.perform(Verb.CREATE, works, seen), lambda request: answer)
    assert list(results) == [work.move for work in works]
    [request] = asked
    return list(results.values()), request


def answer(status: int, content: Any = None) -> Response:
    data = content if isinstance(content, bytes) else b"" if content is None else orjson.dumps(content)
    return Response(status, {"content-type": "application/json"}, data)


def told(status: int, type: str) -> dict[str, Any]:
    """An error body of Bunny Studio's, whose status isn't always that of the answer."""
    return {"status": status, "type": type, "message": f"about {type.lower()}"}


# --- every answer

HEADER = {"code": "missing_header", "message": "A required header was not supplied.", "headerName": "X-Client-Token"}
JSON = {"code": "invalid_json", "message": "The request body could not be parsed."}
RIVER_ANSWERS = [
    (200, {}, Meaning.SETTLED, ""),
    (400, HEADER, Meaning.INPUT, "the header X-Client-Token was missing"),
    (400, {**HEADER, "headerName": "X-Session-Token"}, Meaning.INPUT, "the header X-Session-Token was missing"),
    (400, {**HEADER, "headerName": 7}, Meaning.INPUT, "the header ? was missing"),
    (400, JSON, Meaning.INPUT, "the body could not be parsed"),
    (400, None, Meaning.INPUT, "the request was not understood"),
    (400, [1], Meaning.INPUT, "the request was not understood"),
    (400, b"<html>", Meaning.INPUT, "the request was not understood"),
    (401, None, Meaning.CREDENTIALS, "session_token"),
    (403, None, Meaning.CREDENTIALS, "may not reject"),
    (404, {"message": "no a81f"}, Meaning.MISSING, "no a81f"),
    (406, None, Meaning.INPUT, "can't answer in JSON"),
    (408, None, Meaning.AGAIN, "timed out"),
    (410, {"code": "gone"}, Meaning.SETTLED, ""),
    (411, None, Meaning.INPUT, "length of the content"),
    (415, None, Meaning.INPUT, "doesn't take JSON"),
    (500, None, Meaning.AGAIN, "the server failed"),
    (503, b"<html>busy</html>", Meaning.AGAIN, "unavailable"),
    (204, None, Meaning.SETTLED, ""),
    (429, None, Meaning.AGAIN, ""),
    (502, None, Meaning.AGAIN, ""),
    (418, None, Meaning.INPUT, "refused"),
]
TYPES = {
    "ERROR_REJECTING_DELIVERABLE": Meaning.AGAIN,
    "DELIVERABLE_NO_EXIST": Meaning.MISSING,
    "DELIVERABLE_ALREADY_REJECTED": Meaning.SETTLED,
    "FORBIDDEN": Meaning.CREDENTIALS,
    "ID_REQUIRED": Meaning.INPUT,
}
BUNNY_ANSWERS = [
    (200, {"id": UUID, "status": "rejected", "name": "part1"}, Meaning.SETTLED, ""),
    (500, told(500, "ERROR_REJECTING_DELIVERABLE"), Meaning.AGAIN, "failed to reject"),
    (400, told(404, "DELIVERABLE_NO_EXIST"), Meaning.MISSING, "no such deliverable"),
    (400, told(404, "DELIVERABLE_ALREADY_REJECTED"), Meaning.SETTLED, ""),
    (403, told(403, "FORBIDDEN"), Meaning.CREDENTIALS, "may not reject"),
    (422, told(422, "ID_REQUIRED"), Meaning.INPUT, "id was missing"),
    (400, told(400, "INVALID_JSON"), Meaning.INPUT, "about invalid_json"),
    (400, {"type": ["FORBIDDEN"]}, Meaning.INPUT, "not understood"),
    (400, b"<html>", Meaning.INPUT, "not understood"),
    (401, told(401, "UNAUTHORIZED"), Meaning.CREDENTIALS, "token"),
    (403, None, Meaning.CREDENTIALS, "may not reject"),
    (404, None, Meaning.MISSING, "no such deliverable"),
    (406, None, Meaning.INPUT, "refused"),
    (408, None, Meaning.AGAIN, "timed out"),
    (410, None, Meaning.SETTLED, ""),
    (411, None, Meaning.INPUT, "refused"),
    (415, None, Meaning.INPUT, "refused"),
    (422, told(422, "INVALID_FIELD"), Meaning.INPUT, "a field was missing or wrong"),
    (429, None, Meaning.AGAIN, "patience"),
    (500, None, Meaning.AGAIN, "the server failed"),
    (503, b"busy", Meaning.AGAIN, "busy"),
    (204, None, Meaning.SETTLED, ""),
]


def judged(results: Iterable[Result], wanted: Meaning, status: int, words: str) -> None:
    """Each result is what the meaning stands for, and says why."""
    for result in results:
        assert result.said is SAID[wanted]
        if wanted is Meaning.SETTLED:
            assert result.error is None
            continue
        assert words in (result.error or "")
        assert str(status) in (result.error or "")
        assert wanted is Meaning.AGAIN or (result.error or "").startswith(f"{wanted}: ")


@pytest.mark.parametrize(("status", "content", "wanted", "words"), RIVER_ANSWERS)
def test_every_answer_of_bright_river(status: int, content: Any, wanted: Meaning, words: str):
    assert river_meaning(answer(status, content))[0] is wanted
    results, _ = ask(view(RIVER, river("r", "a", "b")), answer(status, content))
    assert len(results) == 2
    judged(results, wanted, status, words)


@pytest.mark.parametrize(("status", "content", "wanted", "words"), BUNNY_ANSWERS)
def test_every_answer_of_bunny_studio(status: int, content: Any, wanted: Meaning, words: str):
    assert bunny_meaning(answer(status, content))[0] is wanted
    results, _ = ask(view(BUNNY, bunny()), answer(status, content))
    judged(results, wanted, status, words)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 408, 410, 422, 500, 503])
@pytest.mark.parametrize("type", TYPES)
def test_the_type_in_the_body_decides_whatever_the_status_says(status: int, type: str):
    assert bunny_meaning(answer(status, told(200, type)))[0] is TYPES[type]


# --- requests


def test_one_file_rejection_is_one_request():
    [result, _, _], request = ask(view(RIVER, river("r", "b", "a", "c", reason="colour cast")), answer(200, {}))
    assert result.said is Said.DONE
    assert shape(request) == ("rejectFiles", "POST", "/reject")
    assert dict(request.headers or {}) == {"accept": "application/json", "content-type": "application/json"}
    assert body(request) == {"files": ["a", "b", "c"]}
    assert request.write


@pytest.mark.parametrize(
    ("settings", "spec", "sent"),
    [
        ({}, {"reason": "blur"}, {"files": ["a"]}),
        ({"reason": "comment"}, {"reason": "blur"}, {"files": ["a"], "comment": "blur"}),
        ({"reason": "comment"}, {}, {"files": ["a"]}),
        ({"files": "ids", "reason": "why"}, {"reason": "blur"}, {"ids": ["a"], "why": "blur"}),
    ],
)
def test_fields_are_sent_as_the_settings_name_them(
    settings: dict[str, str], spec: dict[str, str], sent: dict[str, Any]
):
    seen = view(RIVER.configured(settings), river("r", "a", **spec))
    assert body(ask(seen, answer(200, {}))[1]) == sent


def test_documents_are_batches_of_their_own():
    seen = view(RIVER, river("r", "a", "b"), river("s", "c"))
    kind = RIVER.kinds["FileRejection"]
    batches = [kind.batch(Verb.CREATE, Work("m", item, None)) for item in items(seen)]
    assert batches[0] == batches[1] != batches[2]
    assert all(batches)


@pytest.mark.parametrize("spec", [{}, {"reason": "wrong accent"}, {"reason": "é", **AGE}])
def test_a_deliverable_is_put_by_its_id(spec: dict[str, str]):
    _, request = ask(view(BUNNY, bunny(UUID.upper(), **spec)), answer(200, {}))
    assert shape(request) == ("rejectDeliverable", "PUT", f"/deliverables/{UUID}")
    assert (request.headers or {})["content-type"] == "application/json"
    assert body(request) == {"status": "rejected", **spec}


def test_keys_are_headers_and_each_must_be_there():
    given = {"client_token": Secret("c"), "session_token": Secret("s")}
    assert dict(RIVER.auth(given).static_headers()) == {"X-Client-Token": Secret("c"), "X-Session-Token": Secret("s")}
    assert dict(BUNNY.auth({"token": Secret("t")}).static_headers()) == {"x-access-token": Secret("t")}
    with pytest.raises(InputError, match="session_token is missing"):
        RIVER.auth({"client_token": Secret("c")})
    with pytest.raises(InputError, match="client_token, session_token are missing") as caught:
        RIVER.auth({})
    assert "RECONCILER_CLIENT_TOKEN" in (caught.value.remedy or "")


def test_settings_that_a_system_lacks_are_refused():
    with pytest.raises(InputError, match="'field'"):
        RIVER.configured({"field": "x"})
    with pytest.raises(InputError, match="'files'"):
        BUNNY.configured({"files": "x"})


# --- validation


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        (UUID, {"reasonCode": "genderAndAgeChange"}, "spec.reasonCode: genderAndAgeChange needs newGenderAndAge"),
        (UUID, {"reason": "genderAndAgeChange"}, "genderAndAgeChange needs newGenderAndAge"),
        (UUID, {"newGenderAndAge": "12"}, "goes with the reasonCode genderAndAgeChange only"),
        (UUID, {"reasonCode": "noise", "newGenderAndAge": "12"}, "goes with the reasonCode genderAndAgeChange only"),
        (UUID, {"reasonCode": "genderAndAgeChange", "newGenderAndAge": 12}, "put it in quotes"),
        ("part-1", {}, "the deliverable's UUID"),
        (UUID.replace("-", ""), {}, "the deliverable's UUID"),
        ("{" + UUID + "}", {}, "metadata.name"),
        (UUID, {"status": "rejected"}, "unknown field 'status'"),
    ],
)
def test_a_deliverable_rejection_that_makes_no_sense(name: str, spec: dict[str, Any], words: str):
    [problem] = problems(BUNNY, bunny(name, **spec))
    assert problem.startswith("a.yaml:1:")
    assert words.removeprefix("spec.reasonCode: ") in problem


@pytest.mark.parametrize(
    "spec", [{}, AGE, {"reason": "genderAndAgeChange", "newGenderAndAge": "12"}, {"reasonCode": "noise"}]
)
def test_a_deliverable_rejection_that_makes_sense(spec: dict[str, Any]):
    assert problems(BUNNY, bunny(**spec)) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"files": []}, "at least 1 entries"),
        ({"files": [""]}, "at least 1 characters"),
        ({"files": [7]}, "expected a text"),
        ({"files": ["x" * 257]}, "at most 256 characters"),
        ({"files": ["a"], "comment": "x"}, "unknown field 'comment'"),
        ({}, "this field is required"),
    ],
)
def test_a_file_rejection_that_makes_no_sense(spec: dict[str, Any], words: str):
    [problem] = problems(RIVER, _document("brightriver/v1", "FileRejection", "r", spec))
    assert problem.startswith("a.yaml:1:")
    assert words in problem


def test_one_object_in_two_documents_names_both_places():
    [problem] = problems(RIVER, river("r", "a", "b"), river("s", "b"))
    assert problem.startswith("a.yaml:3:")
    assert "FileRejection/s and FileRejection/r (a.yaml:1:" in problem
    assert "(b)" in problem
    [problem] = problems(BUNNY, bunny(UUID), bunny(UUID.upper()))
    assert f"({UUID})" in problem


def test_a_file_twice_in_one_document_is_refused():
    [problem] = problems(RIVER, river("r", "a", "b", "a"))
    assert "twice" in problem


# --- plans

CASES = [
    (RIVER, "FileRejection", "a", lambda **spec: river("r", "a", **spec)),
    (BUNNY, "DeliverableRejection", UUID, lambda **spec: bunny(UUID, **spec)),
]
both = pytest.mark.parametrize(("system", "kind", "id", "document"), CASES)


@both
def test_what_is_new_is_sent(system: System, kind: str, id: str, document: Any):
    made = plan(view(system, document()))
    [step] = made.steps
    assert (step.kind, step.action.value, step.destructive) == (kind, "create", True)
    assert made.warnings == ()


@both
def test_what_was_acknowledged_is_never_sent_again(system: System, kind: str, id: str, document: Any):
    for spec in ({}, {"reason": "another one"}):
        made = plan(view(system, document(**spec), owned=owning(kind, id)), resend=True)
        assert (*made.steps, *made.blocked, *made.unknown, *made.warnings) == ()


@both
def test_removing_the_document_changes_nothing_and_the_plan_says_so(system: System, kind: str, id: str, document: Any):
    for policy in ({}, {"prune": True, "deletions": 5}):
        made = plan(view(system, owned=owning(kind, id, "x")), **policy)
        assert (*made.steps, *made.blocked) == ()
        [warning] = made.warnings
        assert warning.startswith(f"{kind}: 2 acknowledged have no document any more")
        assert "changes nothing" in warning
    [warning] = plan(view(system, document(), owned=owning(kind, id, "x"))).warnings
    assert "1 acknowledged has no document" in warning


@both
def test_an_unanswered_request_is_sent_once_more(system: System, kind: str, id: str, document: Any):
    assert len(plan(view(system, document(), open=unanswered(kind, id))).steps) == 1
    made = plan(view(system, document(), open=unanswered(kind, id, id)))
    assert made.steps == ()
    assert list(rules(made.blocked).values()) == ["unknown-outcome"]
    assert "reconciler adopt" in (made.blocked[0].remedy or "")


@both
def test_an_answer_to_another_attempt_settles_it(system: System, kind: str, id: str, document: Any):
    made = plan(view(system, document(), owned=owning(kind, id), open=unanswered(kind, id)))
    assert (*made.steps, *made.blocked) == ()


@both
def test_others_dont_wait_for_what_is_unknown(system: System, kind: str, id: str, document: Any):
    other = river("s", "z") if system is RIVER else bunny(OTHER)
    made = plan(view(system, document(), other, open=unanswered(kind, id, id)))
    assert len(made.steps) == len(made.blocked) == 1
    assert id not in made.steps[0].name


def test_the_budget_of_the_day_counts_and_that_of_the_pass_does_not():
    seen = view(RIVER, river("r", *(f"f{number}" for number in range(8))))
    assert len(plan(seen, destructive=2, daily=8).steps) == 8
    over = plan(seen, destructive=20, daily=7)
    assert over.steps == ()
    assert set(rules(over.blocked).values()) == {"budget"}
    assert len(plan(seen, destructive=20, daily=7, deletions=8).steps) == 8
    spent = view(RIVER, river("r", "a", "b"), spent=19)
    assert set(rules(plan(spent).blocked).values()) == {"budget"}
    assert len(plan(view(RIVER, river("r", "a"), spent=19)).steps) == 1


def test_forecast_counts_one_request_for_a_document():
    made = plan(view(RIVER, river("r", "a", "b", "c"), river("s", "d")))
    assert made.calls.get("POST") == 2
    assert plan(view(BUNNY, bunny(UUID), bunny(OTHER))).calls.get("PUT") == 2
