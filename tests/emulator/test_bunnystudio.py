"""Bunny Studio: what it insists on, what it remembers, and each answer of its reference."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from reconciler.emulator.bunnystudio.emulation import DOCUMENT, NAME
from reconciler.emulator.bunnystudio.options import Options
from tests.emulator.oneway import MakeStudio, Studio

ID = "671e74ab-ca44-4d87-9346-ae8318c44774"
OTHER = "0f0c1f6a-8f4e-4c39-9d35-6a2f3fd1b6f4"
REJECTED = {"status": "rejected"}


@pytest.fixture
def bunny(make_studio: MakeStudio) -> Studio:
    return make_studio("bunnystudio")


def put(bunny: Studio, id: str = ID, body: Any = None, token: str | None = "bunny") -> httpx.Response:
    return bunny.send("PUT", f"/deliverables/{id}", {"x-access-token": token}, json=REJECTED if body is None else body)


def told(response: httpx.Response) -> tuple[int, int, str]:
    """The status, and what the body says."""
    body = response.json()
    return response.status_code, body["status"], body["type"]


def test_a_deliverable_is_rejected(bunny: Studio):
    body = {**REJECTED, "reason": "wrong accent", "reasonCode": "genderAndAgeChange", "newGenderAndAge": "12"}
    response = put(bunny, body=body)
    assert response.status_code == 200
    assert response.json() == {"id": ID, "serviceSubCategory": "voice_over", "name": "part1", **body}
    assert bunny.rejections() == {ID: {"id": ID, "times": 1, "acknowledged": True, **body}}
    [entry] = bunny.control("GET", "requests")
    assert (entry["operationId"], entry["status"], entry["body"]) == ("rejectDeliverable", 200, body)


@pytest.mark.parametrize("token", [None, "", "other"])
def test_the_token(bunny: Studio, token: str | None):
    assert told(put(bunny, token=token)) == (401, 401, "UNAUTHORIZED")
    bunny.set(token="t2")
    assert put(bunny, token="t2").status_code == 200
    assert bunny.control("GET", "options")["token"] == "***"


@pytest.mark.parametrize("path", ["", "/", "/671e74ab", f"/{ID}0", "/%7B671e74abca444d879346ae8318c44774%7D"])
def test_an_id_is_needed(bunny: Studio, path: str):
    response = bunny.send("PUT", f"/deliverables{path}", {"x-access-token": "bunny"}, json=REJECTED)
    assert told(response) == (422, 422, "ID_REQUIRED")
    assert response.json()["message"] == 'The field "id" is required'


def test_forbidden_concerns_one_deliverable(make_studio: MakeStudio):
    bunny = make_studio("bunnystudio", forbidden=OTHER)
    response = put(bunny, OTHER)
    assert told(response) == (403, 403, "FORBIDDEN")
    assert response.json()["message"] == "You do not have permission to do this action"
    assert put(bunny).status_code == 200
    assert bunny.times() == {ID: 1}


@pytest.mark.parametrize("field", ["reasonCode", "reason"])
def test_a_change_of_gender_and_age_needs_the_new_one(bunny: Studio, field: str):
    body = {**REJECTED, field: "genderAndAgeChange"}
    assert told(put(bunny, body=body)) == (422, 422, "NEW_GENDER_AND_AGE_REQUIRED")
    assert bunny.rejections() == {}
    assert put(bunny, body={**body, "newGenderAndAge": "12"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        [],
        "rejected",
        {},
        {"status": "approved"},
        {"status": True},
        {**REJECTED, "reason": 1},
        {**REJECTED, "reason": None},
        {**REJECTED, "reasonCode": ["a"]},
        {**REJECTED, "newGenderAndAge": 12},
        {**REJECTED, "reason_code": "a"},
    ],
)
def test_types_are_strict(bunny: Studio, body: Any):
    assert told(put(bunny, body=body)) == (422, 422, "INVALID_FIELD")
    assert bunny.rules() == ["body"]
    assert bunny.rejections() == {}
    wanted = {**DOCUMENT.bodies[NAME], "components": DOCUMENT.content["components"]}
    assert not jsonschema.Draft202012Validator(wanted).is_valid(body)


def test_what_isnt_json(bunny: Studio):
    headers = {"x-access-token": "bunny", "Content-Type": "application/json"}
    response = bunny.send("PUT", f"/deliverables/{ID}", headers, content=b"{")
    assert told(response) == (400, 400, "INVALID_JSON")
    response = bunny.send("PUT", f"/deliverables/{ID}", {"x-access-token": "bunny"}, data=REJECTED)
    assert told(response) == (422, 422, "INVALID_FIELD")


def test_an_unknown_deliverable_is_a_404_under_a_400(make_studio: MakeStudio):
    bunny = make_studio("bunnystudio", known=[ID.upper()])
    response = put(bunny, OTHER)
    assert told(response) == (400, 404, "DELIVERABLE_NO_EXIST")
    assert response.json()["message"] == f'Deliverable with id "{OTHER}" not found'
    assert put(bunny).status_code == 200


def test_a_rejected_one_is_a_404_under_a_400(bunny: Studio):
    put(bunny)
    response = put(bunny, ID.upper())
    assert told(response) == (400, 404, "DELIVERABLE_ALREADY_REJECTED")
    assert response.json()["message"] == f'Deliverable with id "{ID}" is already rejected'
    assert bunny.times() == {ID: 2}
    [violation] = bunny.control("GET", "violations")
    assert (violation["n"], violation["rule"]) == (2, "rejected-twice")


@pytest.mark.parametrize("fault", [{"drop_reply": True}, {"status": 500, "processed": True}])
def test_asking_again_breaks_a_rule_only_once_it_was_acknowledged(bunny: Studio, fault: dict[str, Any]):
    bunny.control("POST", "faults", {"operation": "rejectDeliverable", "fault": fault})
    with contextlib.suppress(httpx.TransportError):
        bunny.client.put(f"/deliverables/{ID}", headers={"x-access-token": "bunny"}, json=REJECTED)
    assert bunny.rejections()[ID]["acknowledged"] is False
    assert told(put(bunny))[2] == "DELIVERABLE_ALREADY_REJECTED"
    assert bunny.rules() == []
    assert told(put(bunny))[2] == "DELIVERABLE_ALREADY_REJECTED"
    assert (bunny.rules(), bunny.times()) == (["rejected-twice"], {ID: 3})


@pytest.mark.parametrize(
    ("done", "second"),
    [(False, (500, 500, "ERROR_REJECTING_DELIVERABLE")), (True, (400, 404, "DELIVERABLE_ALREADY_REJECTED"))],
)
def test_a_rejection_that_fails(make_studio: MakeStudio, done: bool, second: tuple[int, int, str]):
    bunny = make_studio("bunnystudio", failing=[ID], failing_done=done)
    response = put(bunny)
    assert told(response) == (500, 500, "ERROR_REJECTING_DELIVERABLE")
    message = f'There was an error rejecting the deliverable with id "{ID}", please talk with our support team'
    assert response.json()["message"] == message
    assert (ID in bunny.rejections()) is done
    assert told(put(bunny)) == second
    assert bunny.rules() == []
    assert put(bunny, OTHER).status_code == 200


def test_edits(bunny: Studio):
    def edit(**order: object) -> int:
        return int(bunny.control("POST", "edit", {"collection": "rejections", **order})["changed"])

    assert edit(add={"id": ID, "reason": "by hand"}) == 1
    assert told(put(bunny))[2] == "DELIVERABLE_ALREADY_REJECTED"
    assert edit(match={"id": ID}, set={"acknowledged": False}) == 1
    assert bunny.rejections()[ID]["acknowledged"] is False
    assert edit(match={"id": OTHER}, delete=True) == 0
    assert edit(match={"reason": "by hand"}, delete=True) == 1
    assert put(bunny).status_code == 200
    for order in ({}, {"collection": "users", "match": {}, "delete": True}, {"collection": "rejections", "add": {}}):
        assert bunny.client.post("/_emulator/edit", json=order).status_code == 400


def test_faults_that_need_a_session_are_refused(bunny: Studio):
    fault = {"operation": None, "fault": {"expire_session": True}}
    assert bunny.client.post("/_emulator/faults", json=fault).status_code == 400
    assert bunny.client.post("/_emulator/sessions/expire").status_code == 404
    assert bunny.client.post("/_emulator/faults", json={"fault": None}).status_code == 400


def test_the_document(bunny: Studio):
    validate(bunny.document)
    [(path, item)] = bunny.document["paths"].items()
    assert (path, item["put"]["operationId"]) == ("/deliverables/{id}", "rejectDeliverable")
    assert set(item["put"]["responses"]) == set("200 400 401 403 422 500".split())


def test_every_option_is_told(bunny: Studio):
    assert set(bunny.control("GET", "options")) == {field.name for field in dataclasses.fields(Options)}
