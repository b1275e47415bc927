"""The daemon's pictures as the API shows them; a secret can't be in there, since none is in the pictures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from reconciler.daemon.events import Happened
from reconciler.daemon.state import ObjectState, SourceState, TargetState
from reconciler.model import Problem
from reconciler.render.json import list_json, plan_json
from reconciler.steps import Plan
from reconciler.store.records import Approval, EntryRecord, PassRecord, Suspension
from reconciler.web import models

LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def time_text(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC: ``2026-03-01T02:00:00.000Z``."""
    return datetime.fromtimestamp(min(at, LATEST), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problems(found: Iterable[Problem]) -> list[models.ProblemAt]:
    """Problems with their places."""
    return [
        {"file": one.location.file, "line": one.location.line, "column": one.location.column, "message": one.message}
        for one in found
    ]


def source(state: SourceState) -> models.SourceAnswer:
    """The source."""
    return {
        "where": state.where,
        "revision": state.revision,
        "seen": state.seen,
        "error": state.error,
        "problems": problems(state.problems),
        "readAt": _maybe(state.read_at),
        "changedAt": _maybe(state.changed_at),
        "sound": state.sound,
    }


def target(state: TargetState) -> models.TargetAnswer:
    """A target, without its objects."""
    return {
        "name": state.name,
        "system": state.system,
        "url": state.url,
        "mode": state.mode.value,
        "phase": state.phase.value,
        "verdict": state.verdict,
        "error": state.error,
        "remedy": state.remedy,
        "revision": state.revision,
        "pass": state.pass_id,
        "checkedAt": _maybe(state.checked_at),
        "succeededAt": _maybe(state.succeeded_at),
        "nextAt": _maybe(state.next_at),
        "failures": state.failures,
        "holder": state.holder,
        "window": state.window,
        "suspension": _suspension(state.suspension),
        "approvals": [_approval(one) for one in state.approvals],
        "digest": state.plan.digest if state.plan else None,
        "summary": state.plan.summary if state.plan else None,
    }


def whole_target(state: TargetState, entries: Iterable[EntryRecord]) -> models.TargetAnswer:
    """A target with its objects and the writes that aren't settled."""
    shape = target(state)
    shape["objects"] = [_object(one) for one in state.objects]
    shape["entries"] = [_entry(one) for one in entries]
    return shape


def plans(found: Iterable[Plan]) -> models.PlansAnswer:
    """Plans as a ``PlanList`` document."""
    return cast("models.PlansAnswer", list_json(map(plan_json, found)))


def history(records: Iterable[PassRecord]) -> models.HistoryAnswer:
    """Passes."""
    return {"items": [_pass(one) for one in records]}


def event(happened: Happened) -> models.EventAnswer:
    """One event."""
    return {
        "id": happened.id,
        "at": time_text(happened.at),
        "type": happened.type,
        "target": happened.target,
        "data": dict(happened.data),
    }


def _maybe(at: float | None) -> str | None:
    return None if at is None else time_text(at)


def _suspension(one: Suspension | None) -> models.SuspensionAnswer | None:
    if one is None:
        return None
    return {"owner": one.owner, "reason": one.reason, "since": time_text(one.since), "until": _maybe(one.until)}


def _approval(one: Approval) -> models.ApprovalAnswer:
    return {"digest": one.digest, "by": one.by, "at": time_text(one.at), "until": time_text(one.until)}


def _object(one: ObjectState) -> models.ObjectAnswer:
    return {
        "kind": one.kind,
        "name": one.name,
        "sync": one.sync.value,
        "health": one.health.value,
        "words": one.words,
        "healthWords": one.health_words,
    }


def _entry(record: EntryRecord) -> models.EntryAnswer:
    entry = record.entry
    return {
        "id": record.id,
        "operation": entry.operation,
        "action": entry.action,
        "objects": list(entry.names),
        "at": time_text(entry.at),
        "status": record.status,
        "reason": record.reason,
    }


def _pass(record: PassRecord) -> models.PassAnswer:
    outcomes: list[dict[str, Any]] = [dict(one) for one in record.outcomes]
    return {
        "id": record.id,
        "at": time_text(record.start.at),
        "mode": record.start.mode,
        "revision": record.start.revision,
        "digest": record.start.digest,
        "ended": _maybe(record.ended),
        "verdict": record.verdict,
        "summary": dict(record.summary),
        "outcomes": outcomes,
    }
