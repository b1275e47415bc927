"""A limit on destruction: over it, nothing of the target is destroyed at all."""

from __future__ import annotations

from collections import Counter

from reconciler.steps import Step
from reconciler.systems.draft import Draft


def hold_over_budget(draft: Draft) -> None:
    """Hold back every destructive step when together they are more than the pass, the day or a kind can bear."""
    harmful = [step for step in draft.free() if step.destructive]
    if not harmful:
        return
    cause = _over_allowed(draft, harmful) if draft.policy.deletions is not None else _over(draft, harmful)
    if cause is None:
        return
    for step in harmful:
        draft.block(
            step,
            "budget",
            cause,
            f"look at each destructive step, then --allow deletions={len(harmful)}",
        )


def _over_allowed(draft: Draft, harmful: list[Step]) -> str | None:
    allowed = draft.policy.deletions or 0
    if len(harmful) <= allowed:
        return None
    return f"{_steps(len(harmful))}, and {allowed} {'was' if allowed == 1 else 'were'} allowed"


def _over(draft: Draft, harmful: list[Step]) -> str | None:
    policy, spent = draft.policy, draft.view.memory.spent
    counted = [step for step in harmful if not draft.view.system.kinds[step.kind].daily_only]
    if len(counted) > policy.destructive:
        return f"{_steps(len(counted))}, and a pass may do {policy.destructive}"
    if spent + len(harmful) > policy.daily:
        return f"{_steps(len(harmful))} after {spent} in 24 hours, and a day may see {policy.daily}"
    return _over_half(draft, harmful)


def _steps(number: int) -> str:
    return f"{number} destructive step{'' if number == 1 else 's'}"


def _over_half(draft: Draft, harmful: list[Step]) -> str | None:
    going = Counter(step.kind for step in harmful if step.action.takes_down)
    for kind, count in sorted(going.items()):
        live = len(draft.view.live(kind))
        if count > 1 and 2 * count > live:
            return f"{count} of {live} live objects of the kind {kind} would go, more than half"
    return None
