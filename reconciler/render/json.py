"""The plan document and the report document: what other programs read, in one fixed order of keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from reconciler.render import words
from reconciler.render.fields import plain
from reconciler.steps import Change, HeldBack, Move, Plan, Report, Step

API_VERSION = "reconciler/v1"
METHODS = ("GET", "POST", "PUT", "DELETE")


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as a ``Plan`` document."""
    moves = _moves(plan.moves)
    steps = [_step(step, moves) for step in plan.steps]
    return _document(_head("Plan", plan) | _body(plan, steps) | {"calls": _calls(plan.calls)})


def report_json(report: Report) -> dict[str, Any]:
    """The report as a ``Report`` document: the plan's, with how each step and the whole ended."""
    moves = _moves(report.plan.moves)
    steps = [_step(step, moves) | _ended(report, step) for step in report.plan.steps]
    ending = {
        "calls": _calls(report.calls),
        "extra": dict(sorted(report.extra.items())),
        "seconds": round(report.seconds, 3),
    }
    head = _head("Report", report.plan) | {"outcome": report.verdict.value}
    return _document(head | _body(report.plan, steps) | ending)


def list_json(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The documents of several targets as one."""
    return {"apiVersion": API_VERSION, "kind": "PlanList", "items": list(documents)}


def dumps(obj: Any) -> str:
    """Indented JSON that ends in a newline."""
    return orjson.dumps(obj, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _document(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as plain data: nothing that JSON lacks, no secret."""
    document: dict[str, Any] = plain(content)
    return document


def _head(kind: str, plan: Plan) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "target": plan.target,
        "revision": plan.revision,
        "lineage": plan.lineage,
        "digest": plan.digest,
    }


def _body(plan: Plan, steps: list[dict[str, Any]]) -> dict[str, Any]:
    stateless = tuple(filter(None, [words.stateless(plan)]))
    return {
        "summary": plan.summary,
        "steps": steps,
        "blocked": list(map(_held, plan.blocked)),
        "held": list(map(_held, plan.held)),
        "warnings": [*stateless, *plan.warnings],
        "unknown": [
            {"kind": one.kind, "name": one.name, "paths": one.paths, "reason": one.reason} for one in plan.unknown
        ],
    }


def _step(step: Step, moves: Mapping[str, list[Move]]) -> dict[str, Any]:
    document = {
        **_what(step),
        "after": step.after,
        "changes": _changes(step.changes),
        "reason": step.reason,
        "destructive": step.destructive,
        "disruptive": step.disruptive,
    }
    if step.notes:
        document["notes"] = step.notes
    if step.group is not None:
        document["group"] = step.group
    if step.action.two_phased:
        found = moves.get(step.id, [])
        document["moves"] = [{"id": move.id, "after": sorted(move.hard | move.soft)} for move in found]
    return document


def _what(step: Step) -> dict[str, Any]:
    return {"id": step.id, "action": step.action.value, "kind": step.kind, "name": step.name}


def _ended(report: Report, step: Step) -> dict[str, Any]:
    outcome = words.outcome(report, step)
    return {
        "status": outcome.status.value,
        "error": outcome.error,
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 3),
    }


def _held(held: HeldBack) -> dict[str, Any]:
    why = {"rule": held.rule, "reason": held.reason, "remedy": held.remedy}
    return {**_what(held.step), "changes": _changes(held.step.changes), **why}


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"path": change.path, "before": change.before, "after": change.after} for change in changes]


def _moves(moves: Iterable[Move]) -> dict[str, list[Move]]:
    found: dict[str, list[Move]] = {}
    for move in moves:
        found.setdefault(move.step, []).append(move)
    return found


def _calls(calls: Mapping[str, int]) -> dict[str, int]:
    others = sorted(set(calls) - set(METHODS))
    return {method: calls.get(method, 0) for method in (*METHODS, *others)}
