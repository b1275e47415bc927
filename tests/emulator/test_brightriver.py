"""Bright River: what it insists on, what it remembers, and each answer of its reference."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from reconciler.emulator.brightriver.options import Options
from tests.emulator.oneway import MakeStudio, Studio

HEADERS = {"X-Client-Token": "client", "X-Session-Token": "session", "Accept": "application/json"}
UNPARSED = {"code": "invalid_json", "message": "The request body could not be parsed."}


@pytest.fixture
def river(make_studio: MakeStudio) -> Studio:
    return make_studio("brightriver")


def reject(river: Studio, *files: str, headers: dict[str, str | None] | None = None, **fields: Any) -> httpx.Response:
    return river.send("POST", "/reject", {**HEADERS, **(headers or {})}, json={"files": files, **fields})


def statuses(river: Studio, *requests: tuple[str, ...]) -> list[int]:
    return [reject(river, *files).status_code for files in requests]


def test_files_are_rejected(river: Studio):
    response = reject(river, "a81f", "a820", reason="colour cast")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    record = {"status": "rejected", "reason": "colour cast", "times": 1, "acknowledged": True}
    assert river.rejections() == {"a81f": {"id": "a81f", **record}, "a820": {"id": "a820", **record}}
    [entry] = river.control("GET", "requests")
    assert (entry["operationId"], entry["status"]) == ("rejectFiles", 200)
    assert entry["body"] == {"files": ["a81f", "a820"], "reason": "colour cast"}
    assert river.rules() == []


def test_a_form_repeats_the_key(river: Studio):
    response = river.send("POST", "/reject", HEADERS, data={"files": ["a81f", "a820"], "reason": "colour cast"})
    assert response.status_code == 200
    assert {id: one["reason"] for id, one in river.rejections().items()} == {
        "a81f": "colour cast",
        "a820": "colour cast",
    }
    assert river.control("GET", "requests")[0]["body"]["files"] == ["a81f", "a820"]


@pytest.mark.parametrize("name", ["X-Client-Token", "X-Session-Token"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_header_is_named(river: Studio, name: str, value: str | None):
    response = reject(river, "a81f", headers={name: value})
    assert response.status_code == 400
    assert response.json() == {
        "code": "missing_header",
        "message": "A required header was not supplied.",
        "headerName": name,
    }
    assert river.rules() == ["missing-header"]


def test_wrong_tokens(river: Studio):
    assert reject(river, "a81f", headers={"X-Session-Token": "other"}).status_code == 401
    assert reject(river, "a81f", headers={"X-Client-Token": "other"}).status_code == 403
    river.set(client_token="c2", session_token="s2")
    assert reject(river, "a81f").status_code == 403
    assert reject(river, "a81f", headers={"X-Client-Token": "c2", "X-Session-Token": "s2"}).status_code == 200
    shown = river.control("GET", "options")
    assert (shown["client_token"], shown["session_token"]) == ("***", "***")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 406),
        ("*/*", 406),
        ("application/*", 406),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json-seq", 406),
        ("Application/JSON", 200),
        ("text/html, application/json;q=0.5", 200),
    ],
)
def test_accept(river: Studio, accept: str | None, status: int):
    assert reject(river, "a81f", headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [(None, 415), ("text/plain", 415), ("multipart/form-data", 415), ("application/json; charset=utf-8", 200)],
)
def test_content_type(river: Studio, content_type: str | None, status: int):
    assert reject(river, "a81f", headers={"Content-Type": content_type}).status_code == status


def test_content_length(river: Studio):
    def chunks() -> Iterator[bytes]:
        yield b'{"files": ["a81f"]}'

    headers = {**HEADERS, "Content-Type": "application/json"}
    assert river.send("POST", "/reject", headers, content=chunks()).status_code == 411
    assert river.send("POST", "/reject", {**headers, "Content-Length": None}).status_code == 411
    assert river.rules() == ["content-length"] * 2
    assert river.rejections() == {}


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "content"),
    [(JSON, text) for text in ["", "{", "null", "[]", "{}", '{"files": []}', '{"files": "a"}', '{"files": [1]}',
                               '{"files": [""]}', '{"file": ["a"]}', "files=a"]]
    + [(FORM, text) for text in ["", "a", "file=a", "files=", "files=%ff", '{"files": ["a"]}']],
)  # fmt: skip
def test_what_cant_be_parsed(river: Studio, content_type: str, content: str):
    headers = {**HEADERS, "Content-Type": content_type}
    response = river.send("POST", "/reject", headers, content=content.encode())
    assert (response.status_code, response.json()) == (400, UNPARSED)
    assert river.rules() == ["body"]
    assert river.rejections() == {}


def test_fields_have_the_names_that_are_set(river: Studio):
    river.set(files_field="fileIds", reason_field="comment")
    body = {"fileIds": ["a81f"], "comment": "blurred", "reason": "other"}
    assert river.send("POST", "/reject", HEADERS, json=body).status_code == 200
    assert river.rejections()["a81f"]["reason"] == "blurred"
    assert reject(river, "a820").status_code == 400


def test_an_unknown_file_spoils_the_whole_request(make_studio: MakeStudio):
    river = make_studio("brightriver", known_files="a81f, a820")
    assert statuses(river, ("a81f", "zzz"), ("a820",)) == [404, 200]
    assert river.times() == {"a820": 1}


@pytest.mark.parametrize(("partly", "left"), [("nothing", {"old": 1}), ("rest", {"a81f": 1, "old": 1})])
def test_a_file_that_is_gone(make_studio: MakeStudio, partly: str, left: dict[str, int]):
    river = make_studio("brightriver", gone_files=["old"], partly=partly)
    assert statuses(river, ("a81f", "old")) == [410]
    assert river.times() == left
    assert river.rejections()["old"]["status"] == "gone"
    assert river.rejections()["old"]["acknowledged"]
    assert river.rules() == []
    assert statuses(river, ("old",)) == [410]
    assert river.rules() == ["rejected-twice"]


@pytest.mark.parametrize(("already", "status"), [("200", 200), ("410", 410)])
def test_a_second_rejection(make_studio: MakeStudio, already: str, status: int):
    river = make_studio("brightriver", already=already)
    assert statuses(river, ("a81f",), ("a81f",), ("a820",)) == [200, status, 200]
    assert river.times() == {"a81f": 2, "a820": 1}
    [violation] = river.control("GET", "violations")
    assert (violation["n"], violation["rule"]) == (2, "rejected-twice")
    assert "an acknowledged" in violation["detail"]


def test_a_file_twice_in_one_request(river: Studio):
    assert statuses(river, ("a81f", "a81f")) == [200]
    assert river.rules() == ["rejected-twice"]


def test_a_file_that_a_human_rejected(make_studio: MakeStudio):
    river = make_studio("brightriver", already="410")
    assert river.control("POST", "edit", {"collection": "rejections", "add": {"id": "a81f"}}) == {"changed": 1}
    assert statuses(river, ("a81f",)) == [410]
    assert (river.times(), river.rules()) == ({"a81f": 1}, [])


@pytest.mark.parametrize(
    "fault",
    [{"drop_reply": True}, {"cut_body": 1}, {"status": 503, "processed": True}, {"body": "", "processed": True}],
)
def test_an_answer_that_doesnt_arrive_acknowledges_nothing(river: Studio, fault: dict[str, Any]):
    river.control("POST", "faults", {"operation": "rejectFiles", "fault": fault})
    with contextlib.suppress(httpx.TransportError):
        river.client.post("/reject", headers=HEADERS, json={"files": ["a81f"]})
    assert (river.times(), river.rejections()["a81f"]["acknowledged"]) == ({"a81f": 1}, False)
    assert statuses(river, ("a81f",)) == [200]
    assert river.rejections()["a81f"]["acknowledged"]
    [violation] = river.control("GET", "violations")
    assert "an unanswered" in violation["detail"]


def test_a_client_that_gave_up_waiting_has_heard_nothing(river: Studio):
    river.control("POST", "faults", {"fault": {"delay": 0.1}})
    with pytest.raises(httpx.ReadTimeout):
        river.client.post("/reject", headers=HEADERS, json={"files": ["a81f"]}, timeout=0.03)
    river.control("POST", "faults", {"fault": {"delay": 0.1}})
    reject(river, "a820")
    assert {id: one["acknowledged"] for id, one in river.rejections().items()} == {"a81f": False, "a820": True}


@pytest.mark.parametrize("status", [408, 500, 503])
def test_statuses_that_only_a_fault_gives(river: Studio, status: int):
    body = '{"code": "made_up", "message": "On purpose."}'
    fault = {"status": status, "body": body, "content_type": "application/json"}
    river.control("POST", "faults", {"operation": "rejectFiles", "fault": fault})
    assert reject(river, "a81f").status_code == status
    assert river.rejections() == {}


def test_other_requests(river: Studio):
    assert river.client.get("/reject").status_code == 405
    assert river.client.get("/nowhere").json() == {"code": "not_found", "message": "Not Found"}


def test_the_document(river: Studio):
    validate(river.document)
    [(path, item)] = river.document["paths"].items()
    assert (path, item["post"]["operationId"]) == ("/reject", "rejectFiles")
    assert set(item["post"]["responses"]) == set("200 400 401 403 404 406 408 410 411 415 500 503".split())


def test_every_option_is_told(river: Studio):
    assert set(river.control("GET", "options")) == {field.name for field in dataclasses.fields(Options)}


@pytest.mark.parametrize(
    "settings",
    [{"already": 404}, {"latency_ms": "x"}, {"latency_ms": -1}, {"files_field": ""}, {"files_field": 5},
     {"known_files": 5}, {"known_files": [5]}, {"nothing": 1}],
)  # fmt: skip
def test_senseless_settings_are_refused(river: Studio, settings: dict[str, object]):
    before = river.control("GET", "options")
    assert river.client.put("/_emulator/options", json=settings).status_code == 400
    assert river.control("GET", "options") == before
