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
    return _head("Plan", plan) | _body(plan, steps) | {"calls": _calls(plan.calls)}


def report_json(report: Report) -> dict[str, Any]:
    """The report as a ``Report`` document: the plan's, with how each step and the whole ended."""
    moves = _moves(report.plan.moves)
    steps = [_step(step, moves) | _ended(report, step) for step in report.plan.steps]
    return {
        **_head("Report", report.plan),
        "outcome": report.verdict.value,
        **_body(report.plan, steps),
        "calls": _calls(report.calls),
        "extra": {str(name): number for name, number in sorted(report.extra.items())},
        "seconds": round(report.seconds, 3),
    }


def list_json(documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The documents of several targets as one."""
    return {"apiVersion": API_VERSION, "kind": "PlanList", "items": list(documents)}


def dumps(obj: Any) -> str:
    """Indented JSON that ends in a newline."""
    return orjson.dumps(obj, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _head(kind: str, plan: Plan) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "target": plain(plan.target),
        "revision": plain(plan.revision),
        "lineage": plan.lineage,
        "digest": plan.digest,
    }


def _body(plan: Plan, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "summary": plan.summary,
        "steps": steps,
        "blocked": [_held(held) for held in plan.blocked],
        "held": [_held(held) for held in plan.held],
        "warnings": [plain(warning) for warning in _warnings(plan)],
        "unknown": [
            {
                "kind": unknown.kind,
                "name": plain(unknown.name),
                "paths": plain(unknown.paths),
                "reason": plain(unknown.reason),
            }
            for unknown in plan.unknown
        ],
    }


def _warnings(plan: Plan) -> tuple[str, ...]:
    return plan.warnings if plan.lineage is not None else (words.STATELESS, *plan.warnings)


def _step(step: Step, moves: Mapping[str, list[Move]]) -> dict[str, Any]:
    document = {
        **_what(step),
        "after": list(map(plain, step.after)),
        "changes": _changes(step.changes),
        "reason": plain(step.reason),
        "destructive": step.destructive,
        "disruptive": step.disruptive,
    }
    if step.notes:
        document["notes"] = plain(step.notes)
    if step.group is not None:
        document["group"] = plain(step.group)
    if step.action.two_phased:
        found = moves.get(step.id, [])
        document["moves"] = [
            {"id": plain(move.id), "after": sorted(map(plain, move.hard | move.soft))} for move in found
        ]
    return document


def _what(step: Step) -> dict[str, Any]:
    return {"id": plain(step.id), "action": step.action.value, "kind": step.kind, "name": plain(step.name)}


def _ended(report: Report, step: Step) -> dict[str, Any]:
    outcome = words.outcome(report, step)
    return {
        "status": outcome.status.value,
        "error": plain(outcome.error),
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 3),
    }


def _held(held: HeldBack) -> dict[str, Any]:
    return {
        **_what(held.step),
        "changes": _changes(held.step.changes),
        "rule": held.rule,
        "reason": plain(held.reason),
        "remedy": plain(held.remedy),
    }


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {"path": plain(change.path), "before": plain(change.before), "after": plain(change.after)} for change in changes
    ]


def _moves(moves: Iterable[Move]) -> dict[str, list[Move]]:
    found: dict[str, list[Move]] = {}
    for move in moves:
        found.setdefault(move.step, []).append(move)
    return found


def _calls(calls: Mapping[str, int]) -> dict[str, int]:
    others = sorted(set(calls) - set(METHODS))
    return {method: calls.get(method, 0) for method in (*METHODS, *others)}
