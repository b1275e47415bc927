"""Terminal text: what it says, how wide it is, and what it never sends."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.render.page import KEEP, cells, fold
from reconciler.render.text import plan_text, report_text
from reconciler.render.words import summary
from reconciler.steps import Action, Change, Plan, Report
from tests.render import hostile, samples


def test_the_last_line_counts() -> None:
    assert summary(samples.STATELESS) == "Plan: 1 to create, 0 to update, 0 to replace, 0 to delete."
    assert summary(samples.ONLY_BLOCKED) == "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 blocked."
    assert plan_text(samples.EMPTY).endswith("\nNo changes. 27 objects are as desired.\n")


def test_one_object_is_as_desired() -> None:
    assert plan_text(samples.plan(unchanged=1)).endswith("No changes. 1 object is as desired.\n")


def test_a_plan_without_state_says_so_first() -> None:
    first = plan_text(samples.STATELESS, width=200).splitlines()[0]
    assert "prod, https://control-center.example:8892, revision main" in first
    assert "made without the state: can't be applied" in first


def test_a_url_shows_no_credentials() -> None:
    plan = samples.plan(url="https://me:hunter2@cc.example/x@y")
    assert "https://cc.example/x@y" in plan_text(plan)
    assert "hunter2" not in plan_text(plan)


def test_many_alike_take_a_line_each_unless_full() -> None:
    plan = samples.many(21)
    short, full = plan_text(plan), plan_text(plan, full=True)
    assert "create User, 21 times: fields left out (plan --full shows them)" in short
    assert short.count("+ create User/user-") == full.count("+ create User/user-") == 21
    assert "User number 3" not in short
    assert "User number 3" in full
    assert "SOC analyst" in short
    assert "User number 3" in plan_text(samples.many(20))


def test_danger_is_said_even_of_many_alike() -> None:
    steps = [
        samples.step(Action.UPDATE, "User", f"u{n}", Change("/email", "a", "b"), destructive=True) for n in range(21)
    ]
    assert plan_text(samples.plan(*steps)).count("! loses data or access") == 21
    assert "~ update User/u3 (email)" in plan_text(samples.plan(*steps))


def test_many_blocked_alike_take_two_lines_each() -> None:
    steps = [samples.step(Action.UPDATE, "Service", f"s{n}", Change("/port", 1, 2)) for n in range(21)]
    text = plan_text(samples.plan(blocked=tuple(replace(samples.BLOCKED, step=step) for step in steps)))
    assert text.count("blocked by service-frozen-after-deploy, as above") == 20
    assert text.count("2 instances are deployed") == 1
    assert "port" not in text


def test_long_values_are_shown_whole_only_in_full() -> None:
    plan = samples.plan(samples.step(Action.CREATE, "User", "u", Change("/description", None, "x" * 5000)))
    assert "(5002 characters)" in plan_text(plan)
    assert plan_text(plan, full=True).count("x") >= 5000


def test_colour_is_all_that_colour_adds() -> None:
    for plain, coloured in (
        (plan_text(samples.FULL), plan_text(samples.FULL, colour=True)),
        (report_text(samples.REPORT), report_text(samples.REPORT, colour=True)),
    ):
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_ascii_when_the_terminal_knows_no_more() -> None:
    plan = samples.plan(samples.step(Action.CREATE, "User", "zoë", Change("/display_name", None, "日本")))
    text = plan_text(plan, unicode=False) + report_text(samples.REPORT, unicode=False)
    assert text.isascii()
    assert "User/zo\\u00eb" in text
    assert "!! failed" in text


def test_a_report_on_nothing() -> None:
    text = report_text(samples.NOTHING)
    assert "No changes. 27 objects are as desired.\nConverged: prod is as desired." in text


@given(width=st.sampled_from([1, 20, 40, 80, 200]), plan=hostile.plans, full=st.booleans(), unicode=st.booleans())
def test_hostile_plans(width: int, plan: Plan, full: bool, unicode: bool) -> None:
    text = plan_text(plan, width=width, full=full, unicode=unicode)
    assert all(line.isprintable() for line in text.split("\n"))
    assert unicode or text.isascii()
    assert max(map(cells, text.split("\n"))) <= max(width, 20, KEEP + 20)
    text.encode()


@given(report=hostile.reports, width=st.integers(20, 160))
def test_hostile_reports(report: Report, width: int) -> None:
    text = report_text(report, width=width)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count("\n\n\n") == 0


@given(st.text(st.characters(categories=("L", "P", "Zs", "Mn"))), st.integers(1, 60))
def test_folding_loses_nothing_but_spaces(text: str, room: int) -> None:
    lines = fold(text, room, hard=True)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cells(line) <= max(room, 2) for line in lines)
