"""What the reference leaves open: each answer leads to the same end, and ``doctor`` names the one at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.kit import Desk, Options, choices

MakeDesk = Callable[..., Desk]
ANSWERS = [(field.name, answer) for field in dataclasses.fields(Options) for answer in choices(field.name)]
# What doctor can tell by reading, and in which words; the rest it says it can't.
TOLD = {
    "role_list", "user_roles", "cleanup_get", "session_get", "samesite", "worker_id_field", "status_words", "readyz",
}  # fmt: skip
# The few that run at every save: those that change what is sent, or in which order.
QUICK = {("role_list", "404"), ("user_roles", "names"), ("service_display_name", "ignored"),
         ("session_change_logs_out", True)}  # fmt: skip
ODD = {
    "expired_session": 400,
    "role_create_reply": "empty",
    "role_list": "405",
    "user_roles": "names",
    "user_create_existing": "duplicate",
    "cleanup_get": "value",
    "session_get": "405",
    "samesite": "number",
    "service_display_name": "ignored",
    "service_rename_frozen": "refused",
    "worker_id_field": "id",
    "worker_list": "wrapped",
    "available_list": "map",
    "status_words": "Running",
    "readyz": "absent",
    "id_type": "string",
    "error_key": "response",
    "session_change_logs_out": True,
}


def case(name: str, answer: Any) -> Any:
    """One answer as a test; most of them are for the slower tier."""
    marks = [] if (name, answer) in QUICK else [pytest.mark.ci]
    return pytest.param(name, answer, id=f"{name}={answer}", marks=marks)


@pytest.mark.ci
@pytest.mark.parametrize(("name", "answer"), [case(*one) for one in ANSWERS])
def test_each_answer_leads_to_the_same_end(make: MakeDesk, name: str, answer: Any):
    desk = make(**{name: answer})
    desk.give_example()
    desk.converges()
    before = desk.center.last()
    assert desk.apply().ended(0).json()["outcome"] == "converged"
    assert desk.center.writes(before) == []
    told = {one["id"]: one["server"] for one in desk.run("doctor", "-o", "json").ended(0).json()["assumptions"]}
    if name in TOLD:
        assert told[name] == (str(answer).lower() if name == "status_words" else str(answer))


def test_all_the_unlikely_answers_at_once(make: MakeDesk):
    desk = make(**ODD)
    desk.give_example()
    desk.converges()
    assert desk.center.instances() == {"worker-1": "5.15.0", "worker-2": "5.15.0"}
    assert desk.center.names("services") == ["broker", "cache", "files", "lake", "warehouse"]


def test_doctor_has_a_line_for_each(converged: Desk):
    found = converged.run("doctor", "-o", "json").ended(0).json()["assumptions"]
    assert {one["id"] for one in found} == {field.name for field in dataclasses.fields(Options)}
    for one in found:
        assert one["handled"] == [str(answer).lower() if answer in (True, False) else str(answer)
                                  for answer in sorted_as(one["handled"], choices(one["id"]))]  # fmt: skip
        assert one["question"].endswith("?")
        assert one["if_wrong"]


def sorted_as(order: list[str], answers: tuple[Any, ...]) -> list[Any]:
    """The answers in the order in which doctor names them."""
    names = {str(answer).lower() if isinstance(answer, bool) else str(answer): answer for answer in answers}
    assert set(names) == set(order)
    return [names[name] for name in order]
