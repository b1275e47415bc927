"""Replacing is deleting: it has to be allowed by name, and complete."""

from __future__ import annotations

from reconciler.steps import Action, Step
from reconciler.systems.draft import Draft


def hold_replacements(draft: Draft) -> None:
    """Hold back replacements and redeployments that weren't allowed, or that would lose a value for good."""
    for step in draft.free():
        if step.action is Action.REDEPLOY and not draft.policy.allows("redeploy"):
            draft.block(step, "redeploy-not-allowed", step.reason, "--allow redeploy: it stops there, and starts anew")
        elif step.action is Action.REPLACE:
            _hold_replacement(draft, step)
        if draft.is_free(step):
            _hold_incomplete(draft, step)


def _hold_replacement(draft: Draft, step: Step) -> None:
    kind = draft.view.system.kinds[step.kind]
    if kind.replace_rule and not draft.policy.allows("replace"):
        draft.block(
            step, kind.replace_rule, step.reason, f"--allow replace: the {step.kind} is deleted and created again"
        )


def _hold_incomplete(draft: Draft, step: Step) -> None:
    """A value that has to be sent, can't be read back and isn't declared would be lost."""
    kind = draft.view.system.kinds[step.kind]
    if step.item is None or step.live is None:
        return
    needed = kind.needs(step.action, step.item, step.live, step.changed)
    missing = sorted(needed - set(step.item.fields))
    if missing:
        names = ", ".join(missing)
        draft.block(
            step,
            "write-only-missing",
            f"{names} can't be read back, has to be sent all the same, and would be lost",
            f"give {names} in the document",
        )
