"""What is held back holds back what waits for it, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from reconciler.steps import Action, HeldBack, Step
from reconciler.systems.draft import Draft

Spared = Callable[[Draft, Step, HeldBack], bool]
TWO_PHASED = tuple(f"{action}/" for action in Action if action.two_phased)


def cascade(draft: Draft, spared: Spared = lambda draft, step, back: False) -> None:
    """Hold back, to a fixed point, each step that waits for one that is held back, or shares its group.

    ``spared`` says of which held-back steps a step is free all the same.
    """
    waiting, groups = _waiting(draft), groups_of(draft)
    queue = [*draft.blocked, *draft.held]
    while queue:
        cause = queue.pop()
        back = draft.blocked.get(cause) or draft.held[cause]
        group = groups.get(draft.steps[cause].group or "", set())
        for id in sorted(waiting[cause] | group):
            step = draft.steps.get(id)
            if step is not None and draft.is_free(step) and not spared(draft, step, back):
                _hold_too(draft, step, back, blocked=cause in draft.blocked)
                queue.append(id)
        # A group is gone through once, not once for each of its steps: there may be thousands.
        group.difference_update([id for id in group if not draft.is_free(draft.steps[id])])


def _waiting(draft: Draft) -> dict[str, set[str]]:
    waiting: dict[str, set[str]] = defaultdict(set)
    for edge in draft.edges:
        if edge.hard:
            waiting[step_of(edge.before)].add(step_of(edge.after))
    return waiting


def groups_of(draft: Draft) -> dict[str, set[str]]:
    """The ids of the steps of each group."""
    groups: dict[str, set[str]] = defaultdict(set)
    for step in draft.steps.values():
        if step.group:
            groups[step.group].add(step.id)
    return groups


def _hold_too(draft: Draft, step: Step, back: HeldBack, *, blocked: bool) -> None:
    origin = back.reason.removeprefix("waits for ") if back.reason.startswith("waits for ") else back.step.id
    reason = f"waits for {origin}"
    if blocked:
        draft.block(step, back.rule, reason, back.remedy)
    else:
        draft.hold(step, back.rule, reason, back.remedy)


def step_of(move: str) -> str:
    """The step that a move belongs to; that a step's own name may end with ``#up`` makes no difference."""
    if not move.startswith(TWO_PHASED):
        return move
    return move.rpartition("#")[0]
