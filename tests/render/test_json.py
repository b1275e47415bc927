"""The documents hold to the published schema, and a saved plan is read back or refused by name."""

from __future__ import annotations

from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import InputError
from reconciler.render.json import dumps, list_json, plan_json, report_json
from reconciler.render.schema import load_plan, problems, schema, schema_bytes
from reconciler.steps import Plan, Report
from tests.render import hostile, samples

CHECK = jsonschema.Draft202012Validator(schema())
PLANS = [samples.FULL, samples.EMPTY, samples.ONLY_BLOCKED, samples.STATELESS, samples.many(3)]
REPORTS = [samples.REPORT, samples.CONVERGED, samples.NOTHING]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert orjson.loads(schema_bytes()) == schema()


@pytest.mark.parametrize("plan", PLANS)
def test_plans_are_valid_and_come_back(plan: Plan) -> None:
    document = plan_json(plan)
    CHECK.validate(document)
    assert load_plan(dumps(document)) == document


@pytest.mark.parametrize("report", REPORTS)
def test_reports_are_valid(report: Report) -> None:
    CHECK.validate(report_json(report))


def test_lists_are_valid() -> None:
    CHECK.validate(list_json([plan_json(samples.FULL), report_json(samples.REPORT)]))
    plans = list_json([plan_json(samples.FULL), plan_json(samples.EMPTY)])
    assert load_plan(dumps(plans)) == plans


def test_the_order_of_keys() -> None:
    assert list(plan_json(samples.FULL)) == [
        *("apiVersion", "kind", "target", "revision", "lineage", "digest", "summary"),
        *("steps", "blocked", "held", "warnings", "unknown", "calls"),
    ]
    assert list(plan_json(samples.FULL)["steps"][0]) == [
        *("id", "action", "kind", "name", "after", "changes", "reason", "destructive", "disruptive"),
    ]


def test_moves_of_two_phased_steps_only() -> None:
    steps = plan_json(samples.FULL)["steps"]
    assert {step["action"] for step in steps if "moves" in step} == {"replace", "redeploy"}
    assert steps[4]["moves"] == [
        {"id": "replace/User/alice#down", "after": ["create/Role/soc-analyst"]},
        {"id": "replace/User/alice#up", "after": ["replace/User/alice#down", "update/Cleanup/retention"]},
    ]


def test_a_plan_without_state_warns() -> None:
    document = plan_json(samples.STATELESS)
    assert document["lineage"] is None
    assert document["warnings"] == ["made without the state: can't be applied"]


@given(hostile.plans)
def test_hostile_plans(plan: Plan) -> None:
    text = dumps(plan_json(plan))
    CHECK.validate(load_plan(text))
    assert text == dumps(plan_json(plan))


@given(hostile.reports)
def test_hostile_reports(report: Report) -> None:
    CHECK.validate(orjson.loads(dumps(report_json(report))))


def _spoilt(**change: Any) -> str:
    return dumps(plan_json(samples.FULL) | change)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 5000, "not JSON"),
        ("[]", "not a plan"),
        ('{"kind": "Plan"}', "no apiVersion"),
        (_spoilt(apiVersion="reconciler/v2"), "another version: reconciler/v2"),
        (_spoilt(kind="Role"), "holds a Role, not a Plan"),
        (_spoilt(kind=["Plan"]), "not a Plan"),
        (dumps(report_json(samples.REPORT)), "holds a Report, not a Plan"),
        (dumps(list_json([report_json(samples.REPORT)])), "holds a Report"),
        (_spoilt(digest=""), "/digest is , which"),
        (_spoilt(digest=None), "/digest is not string"),
        (_spoilt(steps={}), "/steps is not array"),
        (_spoilt(steps=[1]), "/steps/0 is not object"),
        (_spoilt(steps=[{"id": "x"}]), "and 3 more problems"),
        (_spoilt(surprise=1), "/surprise is not known"),
        (_spoilt(calls={"GET": -1, "POST": 0, "PUT": 0, "DELETE": 0}), "/calls/GET is less than 0"),
        (_spoilt(calls={"GET": 0, "POST": 0, "PUT": 0, "DELETE": 0, "PATCH": "x"}), "/calls/PATCH is not integer"),
        (_spoilt(lineage=7), "/lineage is not string or null"),
    ],
)
def test_malformed_plans_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_plan(text)
    assert words in caught.value.message


@given(st.data())
def test_our_check_agrees_with_a_library(data: st.DataObject) -> None:
    """Somewhere in a good document, a value is dropped or replaced by another."""
    definition = data.draw(st.sampled_from(["Plan", "Report"]))
    document = plan_json(samples.FULL) if definition == "Plan" else report_json(samples.REPORT)
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(st.sampled_from([None, True, -1, 2, 0.5, "x", "create", [], {}, ["x"], {"x": 1}]))
    rule = {"$ref": f"#/$defs/{definition}", "$defs": schema()["$defs"]}
    assert jsonschema.Draft202012Validator(rule).is_valid(document) == (not list(problems(document, definition)))
