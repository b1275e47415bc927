"""What could be done, but not now: a suspended target, a closed maintenance window, an object that keeps failing.

These guards come after all others and after the digest: they only take steps out of a plan that is decided already.
"""

from __future__ import annotations

from reconciler.model import Key
from reconciler.steps import Action, HeldBack, Step
from reconciler.systems.draft import Draft
from reconciler.timing import Timing


def hold_for_now(draft: Draft, timing: Timing) -> None:
    """Hold back what has to wait for another moment."""
    for step in draft.free():
        sick = next((timing.quarantined[key] for key in _keys(step) if key in timing.quarantined), None)
        if timing.suspended is not None:
            draft.hold(step, "suspended", timing.suspended, "resume the target, or wait until that ends by itself")
        elif sick is not None:
            draft.block(step, "quarantined", sick, "mend the cause; it is tried again by itself, at once if asked to")
        elif timing.closed is not None and _disturbs(step) and not _finishes(draft, step):
            cost = "loses data or access" if step.destructive else "stops what runs"
            draft.hold(step, "outside-window", f"it {cost}, and {timing.closed}", "wait for a window")


def may_finish(draft: Draft, step: Step, back: HeldBack) -> bool:
    """Whether a step that finishes what was begun need not wait for a held-back one.

    What was taken down must come up again: it waits for what has to be made first or makes room, and not for an edit
    or a replacement of something that is there, and stays there, meanwhile.
    """
    makes_room = back.step.action is Action.DELETE and back.step.kind == step.kind
    return _finishes(draft, step) and back.rule != "suspended" and back.step.live is not None and not makes_room


def _disturbs(step: Step) -> bool:
    return step.disruptive or step.destructive


def _finishes(draft: Draft, step: Step) -> bool:
    """Whether the step creates what an earlier pass took down and didn't bring up again."""
    unfinished = draft.view.memory.unfinished
    return step.action is Action.CREATE and any(one.item.key in unfinished for one in step.targets if one.item)


def _keys(step: Step) -> list[Key]:
    """The natural keys of all that a step touches."""
    return [one.key for target in step.targets for one in (target.item, target.live) if one is not None]
