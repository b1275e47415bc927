"""Plans and reports as text, JSON, Markdown and HTML: pure functions, the same bytes for the same plan.

Each format is imported when it is asked for, so that a command pays for one only.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from reconciler.steps import Plan, Report

Format = Literal["text", "json", "markdown", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render_plan(plan: Plan, format: Format, **options: Any) -> str:
    """The plan in a format; ``options`` are that format's own (``width``, ``colour``, ``limit`` …)."""
    if format == "text":
        from reconciler.render.text import plan_text

        return plan_text(plan, **options)
    if format == "markdown":
        from reconciler.render.markdown import plan_markdown

        return plan_markdown(plan, **options)
    if format == "html":
        from reconciler.render.html import plan_html

        return plan_html(plan, **options)
    from reconciler.render.json import dumps, plan_json

    return dumps(plan_json(plan, **options))


def render_report(report: Report, format: Format, **options: Any) -> str:
    """The report in a format; ``options`` as for a plan."""
    if format == "text":
        from reconciler.render.text import report_text

        return report_text(report, **options)
    if format == "markdown":
        from reconciler.render.markdown import report_markdown

        return report_markdown(report, **options)
    if format == "html":
        from reconciler.render.html import report_html

        return report_html(report, **options)
    from reconciler.render.json import dumps, report_json

    return dumps(report_json(report, **options))
