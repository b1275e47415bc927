"""What a target's page shows: how it stands, what is planned, what is held back and why, its objects, its past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from reconciler.daemon.state import Health, ObjectState, Sync, TargetState
from reconciler.render.html import plan_view
from reconciler.render.words import safe
from reconciler.steps import APPROVABLE, HeldBack, Plan
from reconciler.store.records import EntryRecord, PassRecord
from reconciler.web.pages.overview import told
from reconciler.web.pages.states import HEALTH, LONGEST_WORD, ORDERED, OUTCOMES, STATES, SYNC, ending, state_of, tags

MOST_STEPS = 200
MOST_OBJECTS = 200
"""How many steps, and objects of a kind, are shown unless all are asked for."""

MOST_EVER = 2000
"""As many are shown when all are asked for."""

MOST_FAILURES = 50


def target_view(target: TargetState, *, everything: bool) -> dict[str, Any]:
    """The target's part of the page's data; ``everything``: much more is shown of what is long."""
    look = STATES[state_of(target)]
    return {
        "target": target,
        "look": look,
        "tags": tags(target),
        "told": told(target),
        "plan": pending(target.plan, everything=everything) if target.plan is not None else None,
        "approval": approval(target),
        "kinds": kinds(target.objects, everything=everything),
        "everything": everything,
    }


def pending(plan: Plan, *, everything: bool) -> dict[str, Any]:
    """The plan as ``plan -o html`` shows it, cut short where it is long."""
    most = MOST_EVER if everything else MOST_STEPS
    short = replace(plan, steps=plan.steps[:most], blocked=plan.blocked[:most], held=plan.held[:most])
    lengths = [(getattr(plan, name), getattr(short, name)) for name in ("steps", "blocked", "held")]
    whole = plan_view(replace(plan, steps=(), moves=())) | plan_view(short)
    return whole | {
        "blocked": together(short.blocked, whole["blocked"]),
        "held": together(short.held, whole["held"]),
        "tally": _tally(plan),
        "cut": sum(len(all_of) - len(shown) for all_of, shown in lengths),
        "nothing": plan.empty and not plan.blocked and not plan.held,
        "blocked_total": len(plan.blocked),
        "held_total": len(plan.held),
    }


def together(held: Sequence[HeldBack], views: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is held back, told once for all steps that share the rule, the reason and the remedy."""
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for one, view in zip(held, views, strict=True):
        groups.setdefault((one.rule, one.reason, one.remedy), []).append(view["step"])
    return [
        {"rule": rule, "reason": reason, "remedy": remedy, "steps": steps}
        for (rule, reason, remedy), steps in groups.items()
    ]


def _tally(plan: Plan) -> list[tuple[str, int]]:
    return [(word, number) for word, number in plan.summary.items() if number and word != "unchanged"]


def approval(target: TargetState) -> dict[str, Any] | None:
    """What approving the pending plan would allow: the steps that a limit holds back. None: nothing."""
    if target.plan is None:
        return None
    steps = [held.step for held in target.plan.blocked if held.rule in APPROVABLE]
    given = next((one for one in target.approvals if one.digest == target.plan.digest), None)
    if not steps and given is None:
        return None
    return {"digest": target.plan.digest, "steps": steps, "given": given}


def kinds(objects: Iterable[ObjectState], *, everything: bool) -> list[dict[str, Any]]:
    """The objects by kind, within each those that need attention first."""
    groups: dict[str, list[ObjectState]] = {}
    for one in objects:
        groups.setdefault(one.kind, []).append(one)
    return [_kind(kind, groups[kind], everything=everything) for kind in sorted(groups)]


def _kind(kind: str, objects: Sequence[ObjectState], *, everything: bool) -> dict[str, Any]:
    ranks = {sync: rank for rank, sync in enumerate(SYNC)}, {health: rank for rank, health in enumerate(HEALTH)}
    ordered = sorted(objects, key=lambda one: (ranks[0][one.sync], ranks[1][one.health], one.name))
    shown = ordered[: MOST_EVER if everything else MOST_OBJECTS]
    syncs, healths = Counter(one.sync for one in objects), Counter(one.health for one in objects)
    ill = [(HEALTH[health], healths[health]) for health in (Health.DEGRADED, Health.MISSING) if healths[health]]
    return {
        "kind": kind,
        "total": len(objects),
        "syncs": [(look, syncs[sync]) for sync, look in SYNC.items() if syncs[sync]],
        "healths": ill,
        "open": bool(ill) or syncs[Sync.SYNCED] != len(objects),
        "objects": [(one, SYNC[one.sync], HEALTH[one.health]) for one in shown],
        "cut": len(ordered) - len(shown),
    }


def since(target: TargetState, history: Sequence[PassRecord]) -> float | None:
    """Since when a target has been in its state, as far as the history (newest first) tells."""
    if target.suspension is not None and state_of(target) == "suspended":
        return target.suspension.since
    found = None
    for one in history:
        if one.verdict == ORDERED.word:
            continue
        if one.verdict is None or one.verdict != target.verdict:
            break
        found = one.ended or one.start.at
    return found


def history_rows(history: Iterable[PassRecord]) -> list[dict[str, Any]]:
    """The passes as the page lists them."""
    return [_pass(one) for one in history]


def _pass(one: PassRecord) -> dict[str, Any]:
    bad = [outcome for outcome in one.outcomes if outcome.get("status") in ("failed", "unknown")]
    return {
        "id": one.id,
        "at": one.start.at,
        "took": one.ended - one.start.at if one.ended is not None else None,
        "mode": one.start.mode,
        "revision": one.start.revision,
        "look": ending(one.verdict),
        "words": "; ".join(str(outcome.get("step", "")) for outcome in one.outcomes)
        if one.verdict == ORDERED.word
        else "",
        "counts": [f"{number} {word}" for word, number in one.summary.items() if number and word != "unchanged"],
        "failed": [_outcome(outcome) for outcome in bad[:MOST_FAILURES]],
        "more": max(0, len(bad) - MOST_FAILURES),
    }


def _outcome(outcome: Mapping[str, Any]) -> dict[str, Any]:
    action, _, name = str(outcome.get("step", "")).partition("/")
    look = OUTCOMES.get(str(outcome.get("status")), OUTCOMES["unknown"])
    return {"step": f"{action} {name}", "look": look, "error": str(outcome.get("error") or "")}


def entry_rows(entries: Iterable[EntryRecord]) -> list[dict[str, Any]]:
    """The journal's entries as the page lists them."""
    return [
        {
            "id": one.id,
            "what": f"{one.entry.action} {', '.join(_objects(one))}",
            "operation": one.entry.operation,
            "at": one.entry.at,
            "status": safe(one.status)[:LONGEST_WORD],
            "look": OUTCOMES["unknown" if one.status == "unknown" else "progressing"],
            "reason": one.reason if one.intact else "its seal is broken: nothing that it says may be relied on",
        }
        for one in entries
    ]


def _objects(record: EntryRecord) -> list[str]:
    pairs = zip(record.entry.objects, record.entry.names, strict=False)
    return [f"{kind}/{name}" for (kind, _), name in pairs]
