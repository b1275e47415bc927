"""Plans and reports as one self-contained page: no script, nothing from elsewhere, readable in print and on a phone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from reconciler.render import words
from reconciler.render.fields import INLINE, Field, dotted, fields
from reconciler.render.words import safe
from reconciler.steps import Action, HeldBack, Plan, Report, Step

if TYPE_CHECKING:
    from jinja2 import Template

MAX_VALUE = 2000
Cell = list[tuple[str, str]]


def plan_html(plan: Plan) -> str:
    """The plan as a page."""
    counts = words.tally(plan, zeros=False) or ["no changes"]
    what = {
        "what": "Plan for",
        "counts": counts,
        "dangers": words.dangers(plan),
        "requests": words.requests(plan.calls),
    }
    return _page(plan, what, {})


def report_html(report: Report) -> str:
    """The report as a page."""
    endings = {step.id: _ending(report, step) for step in report.plan.steps}
    what = {
        "what": "Applied to",
        "counts": words.statuses(report) if report.plan.steps else ["no changes"],
        "verdict": safe(words.verdict(report)),
        "requests": words.requests(report.calls),
    }
    return _page(report.plan, what, endings)


def plan_view(plan: Plan) -> dict[str, Any]:
    """The plan as another page's template takes it: plain data, each text of it safe to show."""
    return {**_plan(plan, {}), "counts": words.tally(plan, zeros=False), "dangers": words.dangers(plan)}


def _page(plan: Plan, what: Mapping[str, Any], endings: Mapping[str, Mapping[str, Any]]) -> str:
    template, css, css_hash = _template()
    given = {"verdict": "", "dangers": None, **what, **_plan(plan, endings)}
    page = template.render(given, css=css, css_hash=css_hash)
    return "\n".join(line for line in page.splitlines() if line.strip()) + "\n"


@cache
def _template() -> tuple[Template, str, str]:
    """The compiled page, its style and the style's hash, which is all that the page's policy lets in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - slow to import

    loader = PackageLoader("reconciler.render")
    env = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    css = env.get_template("page.css.j2").render()
    return env.get_template("plan.html.j2"), css, b64encode(sha256(css.encode()).digest()).decode()


def _plan(plan: Plan, endings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "target": safe(plan.target),
        "url": safe(words.address(plan)),
        "revision": safe(words.revision(plan) or ""),
        "stateless": (why := words.stateless(plan)) and f"{why[0].upper()}{why[1:]}.",
        "warnings": list(map(safe, plan.warnings)),
        "groups": _groups(plan, endings),
        "blocked": list(map(_held, plan.blocked)),
        "held": list(map(_held, plan.held)),
        "unknown_title": words.UNKNOWN_FIELDS,
        "unknown": [
            {
                "title": safe(f"{one.kind}/{one.name}"),
                "names": safe(", ".join(map(dotted, one.paths))),
                "reason": safe(one.reason),
            }
            for one in plan.unknown
        ],
        "unchanged": words.unchanged(plan),
        "digest": safe(plan.digest),
    }


def _groups(plan: Plan, endings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """A plan's steps by kind, in the order in which it comes to them; a report's as they were done."""
    waits, crowded = words.Waits(plan), words.crowded(plan.steps)
    groups: dict[str, list[dict[str, Any]]] = {}
    for step in plan.steps:
        brief = bool(endings) or (step.action, step.kind) in crowded
        after = safe(", ".join(waits.of(step)))
        view = {**_step(step), **endings.get(step.id, {}), "brief": brief, "after": after}
        groups.setdefault("Steps" if endings else safe(step.kind), []).append(view)
    return list(groups.items())


def _step(step: Step) -> dict[str, Any]:
    two_sided = step.action not in (Action.CREATE, Action.DELETE)
    return {
        "sign": words.SYMBOLS[step.action],
        "action": step.action.value,
        "title": safe(words.label(step)),
        "cost": words.danger(step),
        "reason": safe(step.reason),
        "notes": list(map(safe, step.notes)),
        "columns": ["Before", "After"] if two_sided else ["Value"],
        "fields": [{"name": field.name, "cells": _cells(field, two_sided)} for field in fields(step.changes)],
        "status": "",
        "error": "",
    }


def _cells(field: Field, two_sided: bool) -> list[Cell]:
    before, after = field.values
    sides = (_cell("-", [before] if before is not None else []), _cell("+", [after] if after is not None else []))
    if two_sided and field.delta and max(len(before or ""), len(after or "")) > INLINE:
        gone, come, kept = field.delta
        sides = (_cell("-", gone), _cell("+", come))
        sides[1].append((" ", f"{kept} stay"))
    return list(sides) if two_sided else [sides[0] + sides[1]]


def _cell(mark: str, values: Iterable[str]) -> Cell:
    return [(mark, words.clipped(value, MAX_VALUE)) for value in values]


def _held(held: HeldBack) -> dict[str, Any]:
    return {
        "step": _step(held.step),
        "rule": safe(held.rule),
        "reason": safe(held.reason),
        "remedy": safe(held.remedy),
    }


def _ending(report: Report, step: Step) -> dict[str, Any]:
    outcome = words.outcome(report, step)
    tried = f", {outcome.attempts} attempts" if outcome.attempts > 1 else ""
    return {
        "status": outcome.status.value,
        "mark": words.MARKS[outcome.status][0],
        "took": words.duration(outcome.seconds) + tried if outcome.attempts else "",
        "error": safe(outcome.error or ""),
    }
