"""What people see, kept as files; ``REWRITE_GOLDEN=1`` writes them anew, for a reviewer to compare."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reconciler.render import render_plan, render_report
from tests.render import samples

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (40, 80, 160)
CASES: dict[str, Callable[[], str]] = {
    **{f"plan-{width}.txt": partial(render_plan, samples.FULL, "text", width=width) for width in WIDTHS},
    **{f"report-{width}.txt": partial(render_report, samples.REPORT, "text", width=width) for width in WIDTHS},
    "plan-colour.txt": lambda: render_plan(samples.FULL, "text", colour=True),
    "report-ascii.txt": lambda: render_report(samples.REPORT, "text", unicode=False),
    "plan-many.txt": lambda: render_plan(samples.many(22), "text"),
    "plan-stateless.txt": lambda: render_plan(samples.STATELESS, "text"),
    "plan-waiting-40.txt": lambda: render_plan(samples.WAITING, "text", width=40),
    "plan-waiting-120.txt": lambda: render_plan(samples.WAITING, "text", width=120),
    "plan-waiting.md": lambda: render_plan(samples.WAITING, "markdown"),
    "plan.json": lambda: render_plan(samples.FULL, "json"),
    "report.json": lambda: render_report(samples.REPORT, "json"),
    "plan.md": lambda: render_plan(samples.FULL, "markdown"),
    "report.md": lambda: render_report(samples.REPORT, "markdown"),
    "plan-short.md": lambda: render_plan(samples.many(5000), "markdown", limit=3000),
    "plan.html": lambda: render_plan(samples.FULL, "html"),
    "report.html": lambda: render_report(samples.REPORT, "html"),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    made, file = CASES[name](), GOLDEN / name
    if os.environ.get("REWRITE_GOLDEN"):
        file.write_bytes(made.encode())
    assert made == file.read_bytes().decode()
    assert made == CASES[name]()


def test_no_golden_is_left_over() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == set(CASES)
