"""The comment's text: what a plan document says, as the renderer says it, and never longer than the forge takes."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.comment.body import CUT, body_of, cut
from reconciler.errors import InputError
from reconciler.render import Format, render_plan
from reconciler.render.json import dumps, plan_json
from reconciler.render.saved import plan_of
from reconciler.render.schema import load_plan
from reconciler.steps import Plan
from tests.render.samples import EMPTY, FULL, ONLY_BLOCKED, STATELESS, many

LIMIT = 65536


def saved(plan: Plan) -> Plan:
    return plan_of(load_plan(dumps(plan_json(plan))))


@pytest.mark.parametrize("plan", [FULL, EMPTY, ONLY_BLOCKED, STATELESS, many(30)])
def test_a_saved_plan_reads_as_it_was_but_for_its_address(plan: Plan):
    whole = render_plan(replace(plan, url=""), "markdown")
    assert render_plan(saved(plan), "markdown") == whole
    assert "## Plan for" in whole
    assert "control-center" not in whole


def test_no_changes_and_what_is_blocked_stand_in_the_title():
    bodies = [body_of("default", LIMIT, plans=[saved(plan)])[1].splitlines()[2] for plan in (EMPTY, ONLY_BLOCKED)]
    assert bodies[0].endswith(": no changes")
    assert "blocked" in bodies[1]


def test_a_plan_without_a_state_says_so_once():
    text = render_plan(saved(STATELESS), "markdown")
    assert text.count("made without the state: can't be applied") == 1
    assert saved(STATELESS).recorded is None


@pytest.mark.parametrize("output", ["text", "markdown", "html", "json"])
def test_a_plan_of_a_recording_says_so_in_every_format(output: Format):
    plan = replace(STATELESS, recorded="2026-11-22T10:00:00Z")
    assert saved(plan).recorded == "2026-11-22T10:00:00Z"
    text = " ".join(render_plan(plan, output).replace("&#39;", "'").split()).lower()
    assert text.count("made from a recording of 2026-11-22t10:00:00z: can't be applied") == 1
    assert "without the state" not in text


def test_plans_too_long_are_shortened_by_the_renderer():
    plan = saved(many(2000))
    assert len(render_plan(plan, "markdown", limit=10**9)) > LIMIT
    marker, body = body_of("default", LIMIT, plans=[plan, plan, plan])
    assert len(body) <= LIMIT
    assert body.startswith(marker)
    assert body.count("## Plan for") == 3
    assert body.count("Shortened to fit") == 3
    assert body.count("<details>") == body.count("</details>")


def test_a_failure_is_text_and_nothing_else():
    text = "```\n<img src=x onerror=alert(1)>\n@everyone \x1b[31m\n-->"
    _, body = body_of("default", LIMIT, failure=text)
    assert "@everyone" not in body
    assert "\x1b" not in body
    opening = next(line for line in body.splitlines() if line.endswith("diff"))
    assert opening == "````diff"
    assert body.rstrip().endswith("````")


@pytest.mark.parametrize("room", [300, 2000, LIMIT])
def test_a_long_failure_fits(room: int):
    _, body = body_of("default", room, failure="".join(f"tree.yaml:{n}:1: {'x' * 900}\n" for n in range(5000)))
    assert len(body) <= room
    assert "more lines" in body


def test_a_failure_and_plans_stand_together():
    _, body = body_of("default", LIMIT, plans=[saved(many(2000))], failure="target lab:\nerror: no answer\n")
    assert body.index("error: no answer") < body.index("## Plan for")
    assert len(body) <= LIMIT


@pytest.mark.parametrize("context", ["", "a b", "a-->", "a--b", "é", "x" * 101, "-a"])
def test_a_context_can_t_end_the_marker(context: str):
    with pytest.raises(InputError):
        body_of(context, LIMIT, markdown="x")


def test_cut_markdown_is_closed():
    whole = render_plan(FULL, "markdown")
    for room in range(len(CUT), len(whole) + 10, 7):
        short = cut(whole, room)
        assert len(short) <= room
        assert short.count("<details>") == short.count("</details>")
        assert short.count("```") % 2 == 0
    assert cut(whole, len(whole)) == whole


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_plan_file_that_somebody_else_wrote_is_refused_or_shown(chance: Random):
    """Whatever is changed in a plan document: it is refused in our words, or it can be drawn."""
    document = orjson.loads(orjson.dumps(plan_json(FULL)))
    spoil(document, chance)
    try:
        plan = plan_of(load_plan(orjson.dumps(document)))
    except InputError:
        event("refused")
    else:
        event("shown")
        assert len(body_of("default", LIMIT, plans=[plan])[1]) <= LIMIT


def spoil(document: Any, chance: Random) -> None:
    """Replace one value somewhere by something else."""
    place = document
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        place[key] = chance.choice([None, 1, -1, "", "x" * 1000, [], {}, True, "\x1b[0m", "delete"])
        return
