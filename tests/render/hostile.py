"""Names and values as somebody would choose them who wants to break out of a rendering."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.steps import Action, Change, HeldBack, Outcome, Plan, Report, Status, Step, Unknown, Verdict
from tests.render import samples

FRAGMENTS = (
    "```", "`````", "~~~", "`", "|", "\\|", "\\", "</details>", "</summary>", "<details>",
    "<script>alert(1)</script>",
    "<!--", "-->", "<img src=x onerror=x>", "]]>", "\x1b[2J", "\x1b]8;;https://evil.example\x07",
    "\x9b31m", "\r", "\n",
    "\n\n# title", "\n\n</details>\n\n", "\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\x00", "\ud800", "@team",
    "@org/team", "a@b.example", "#12", "!12", "org/repo#3", "GH-7", "[x](https://evil.example)",
    "![x](//evil.example/x)",
    "https://evil.example/", "www.evil.example", "<https://evil.example>", "[x]: https://evil.example",
    ":shipit:", "&lt;",
    "&#96;", "**", "__", "$x$", "# ", "- ", "1. ", "> ", "    ", "===", "---", "{{ 7*7 }}",
    "{% raw %}", "' onload='", '"',
    "日本語", "é", "e\u0301", "👩\u200d👩", " ", "/", "~1", "x" * 300,
)  # fmt: skip

texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), min_size=1, max_size=4).map("".join)
pools = st.lists(texts, min_size=1, max_size=7)
"""Few texts that take turns in all places: quick to draw, and quick to find the culprit in."""

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)


def _step(take: Callable[[], str], number: int, value: Any) -> Step:
    return Step(
        id=f"{number}{take()}",
        action=list(Action)[number % len(Action)],
        kind=take(),
        name=take(),
        targets=(),
        changes=(
            Change(f"/{take()}", None if number % 2 else take(), take()),
            Change(f"/{take()}", [take()] * 9, [take(), {take(): take()}] * 9),
            Change(f"/{take()}", {take(): value}, {take(): take()}),
        ),
        reason=take(),
        destructive=number % 3 == 0,
        disruptive=number % 2 == 0,
        after=(take(), f"{take()}#down"),
        group=take(),
        notes=(take(),),
    )


def _plan(pool: list[str], size: int, stateless: bool, value: Any) -> Plan:
    take = cycle(pool).__next__
    held = [HeldBack(_step(take, number, value), take(), take(), take()) for number in range(size // 2 + 1)]
    return replace(
        samples.EMPTY,
        target=take(),
        url=take(),
        lineage=None if stateless else samples.LINEAGE,
        revision=take(),
        steps=tuple(_step(take, number, value) for number in range(size)),
        blocked=tuple(held),
        held=tuple(held[1:]),
        unknown=(Unknown(take(), take(), (take(), take()), take()),),
        warnings=(take(),),
    )


def _report(plan: Plan, verdict: Verdict, error: str, attempts: int) -> Report:
    ends = {
        step.id: Outcome(step.id, list(Status)[number % len(Status)], error, attempts, 1.5)
        for number, step in enumerate(plan.steps)
    }
    return Report(plan, ends, verdict, {"GET": 1}, {}, 2.5)


plans = st.builds(_plan, pools, st.integers(0, 7), st.booleans(), values)
reports = st.builds(_report, plans, st.sampled_from(Verdict), texts, st.integers(0, 3))
