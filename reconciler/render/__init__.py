"""Plans and reports as text, JSON, Markdown and HTML: pure functions, the same bytes for the same plan.

Each format is imported when it is asked for, so that a command pays for one only.
"""

# ruff: noqa: A002, PLC0415 - "format" is the option's name; for the imports see above

from __future__ import annotations

from typing import Any, Literal, assert_never, get_args

from reconciler.steps import Plan, Report

Format = Literal["text", "json", "markdown", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render_plan(plan: Plan, format: Format, **options: Any) -> str:
    """The plan in a format; ``options`` are that format's own (``width``, ``colour``, ``limit`` …)."""
    match format:
        case "text":
            from reconciler.render.text import plan_text

            return plan_text(plan, **options)
        case "json":
            from reconciler.render.json import dumps, plan_json

            return dumps(plan_json(plan, **options))
        case "markdown":
            from reconciler.render.markdown import plan_markdown

            return plan_markdown(plan, **options)
        case "html":
            from reconciler.render.html import plan_html

            return plan_html(plan, **options)
        case _:
            assert_never(format)


def render_report(report: Report, format: Format, **options: Any) -> str:
    """The report in a format; ``options`` as for a plan."""
    match format:
        case "text":
            from reconciler.render.text import report_text

            return report_text(report, **options)
        case "json":
            from reconciler.render.json import dumps, report_json

            return dumps(report_json(report, **options))
        case "markdown":
            from reconciler.render.markdown import report_markdown

            return report_markdown(report, **options)
        case "html":
            from reconciler.render.html import report_html

            return report_html(report, **options)
        case _:
            assert_never(format)
