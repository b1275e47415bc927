"""What the user said about single documents: leave this one alone."""

from __future__ import annotations

from reconciler.systems.draft import Draft


def hold_wishes(draft: Draft) -> None:
    """Hold back the steps of documents that say ``reconciler/reconcile: disabled``."""
    for step in draft.free():
        for target in step.targets:
            if target.item and target.item.resource.annotations.get("reconciler/reconcile") == "disabled":
                draft.hold(
                    step,
                    "reconcile-disabled",
                    f"{target.item.resource.ref} says reconciler/reconcile: disabled",
                    "take the annotation away",
                )
