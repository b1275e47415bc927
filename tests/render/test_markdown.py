"""Markdown: whatever names and values hold, the structure is ours alone, and it always fits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from reconciler.render.markdown import plan_markdown, report_markdown
from reconciler.steps import Action, Change, Plan, Report, Status, Verdict
from tests.render import hostile, samples

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
BLOCKS = {
    *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "html_block", "fence"),
    *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
    *("blockquote_open", "blockquote_close"),
    *("table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close"),
    *("tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close"),
}
INLINES = {"text", "text_special", "html_inline", "strong_open", "strong_close", "softbreak"}
TAGS = re.compile(r"</?(?:details|summary|code|strong)>")
ADDRESSES = re.compile(r"@\w|://|www\.\w|:[\w+-]+:|(?<![&\w])#\d|!\d")


def check(text: str) -> list[Token]:
    """Nothing in the text is markup that we didn't write."""
    tokens = MARKDOWN.parse(text)
    assert {token.type for token in tokens} <= BLOCKS
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= INLINES
    html = [token.content for token in tokens if token.type == "html_block"]
    html += [child.content for child in inline if child.type == "html_inline"]
    for piece in html:
        assert "<" not in TAGS.sub("", piece)
    joined = "".join(html)
    for tag in ("details", "summary", "code", "strong"):
        assert joined.count(f"<{tag}>") == joined.count(f"</{tag}>")
    assert joined.count("<details>") == joined.count("<summary>")
    for content in [child.content for child in inline if child.type == "text"] + html:
        assert not ADDRESSES.search(content), content
    for token in tokens:
        if token.type == "fence":
            assert token.info == "diff"
            assert all(line[0] in "+-! " and line[1] == " " for line in token.content.splitlines())
            assert not re.search(r"@\w", token.content)
    depth = 0
    for piece in re.findall(r"^</?details>$", text, re.MULTILINE):
        depth += -1 if "/" in piece else 1
        assert 0 <= depth <= 1
    assert depth == 0
    assert text.endswith("\n")
    return tokens


@pytest.mark.parametrize("plan", [samples.FULL, samples.EMPTY, samples.ONLY_BLOCKED, samples.STATELESS])
def test_samples_are_well_formed(plan: Plan) -> None:
    tokens = check(plan_markdown(plan))
    assert tokens[0].tag == "h2"


def test_counts_stand_in_the_title() -> None:
    assert plan_markdown(samples.EMPTY).startswith("## Plan for <code>prod</code>: no changes\n")
    assert "2 blocked, 1 held" in plan_markdown(samples.FULL).splitlines()[0]
    assert "5 done, 1 failed" in report_markdown(samples.REPORT).splitlines()[0]


def test_a_plan_without_state_says_so() -> None:
    assert "> **Warning:** made without the state: can't be applied." in plan_markdown(samples.STATELESS)


def test_blocked_comes_first() -> None:
    text = plan_markdown(samples.FULL)
    titles = re.findall(r"^### (\w+)", text, re.MULTILINE)
    assert titles[:2] == ["Blocked", "Loses"]


@given(hostile.plans)
def test_hostile_plans(plan: Plan) -> None:
    check(plan_markdown(plan))


@given(hostile.reports)
def test_hostile_reports(report: Report) -> None:
    check(report_markdown(report))


@given(hostile.plans, st.integers(1, 6000))
def test_any_limit_holds(plan: Plan, limit: int) -> None:
    text = plan_markdown(plan, limit=limit)
    assert len(text) <= limit
    if text.startswith("## "):
        check(text)
    else:
        assert not re.search(r"[^\w ,:\n]", text)


BIG = samples.many(5000)


@pytest.mark.parametrize("limit", [600, 1000, 1500, 4000, 65536, 300_000, 1_000_000])
def test_big_plans_fit(limit: int) -> None:
    text = plan_markdown(BIG, limit=limit, see="See the job.")
    assert len(text) <= limit
    check(text)
    assert "**Shortened to fit.** Left out: " in text
    assert "See the job." in text
    assert "5001 to create" in text
    if limit >= 1500:
        assert "service-frozen-after-deploy" in text
        assert "Worker/worker-9" in text
    if limit == 300_000:
        assert "User/user-04999" in text
        assert "the fields of 5001 creates" in text


def test_many_dangerous_steps_are_listed_as_far_as_they_fit() -> None:
    steps = [
        samples.step(Action.DELETE, "User", f"user-{n:05}", Change("/email", "x" * 100, None), destructive=True)
        for n in range(5000)
    ]
    text = plan_markdown(samples.plan(*steps, blocked=(samples.BLOCKED,)))
    check(text)
    assert 50_000 < len(text) <= 65536
    listed = text.count("delete</code>") or text.count(" delete <code>User/")
    assert f"{5000 - listed} costly steps" in text
    assert "service-frozen-after-deploy" in text


def test_many_failures_are_listed_as_far_as_they_fit() -> None:
    ends = {
        step.id: replace(samples.REPORT.outcomes["create/User/bob"], step=step.id, status=Status.FAILED)
        for step in BIG.steps
    }
    text = report_markdown(Report(BIG, ends, Verdict.FAILED, {}), limit=20_000)
    check(text)
    assert 15_000 < len(text) <= 20_000
    assert "is taken" in text


@pytest.mark.parametrize("run", [1, 2, 3, 4, 9, 50])
def test_a_fence_is_longer_than_what_it_holds(run: int) -> None:
    step = samples.step(Action.CREATE, "User", "u", Change("/x", None, "`" * run))
    tokens = check(plan_markdown(samples.plan(step)))
    assert [token.content for token in tokens if token.type == "fence"] == [f'+ x = "{"`" * run}"\n']
