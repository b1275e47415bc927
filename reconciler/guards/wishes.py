"""What the user said about single documents: leave this one alone."""

from __future__ import annotations

from reconciler.model import Ref, Resource
from reconciler.steps import Target
from reconciler.systems.draft import Draft


def hold_wishes(draft: Draft) -> None:
    """Hold back the steps of documents that say ``reconciler/reconcile: disabled``."""
    for step in draft.free():
        for resource in (document_of(draft, target) for target in step.targets):
            if resource is not None and resource.annotations.get("reconciler/reconcile") == "disabled":
                draft.hold(
                    step,
                    "reconcile-disabled",
                    f"{resource.ref} says reconciler/reconcile: disabled",
                    "take the annotation away",
                )


def document_of(draft: Draft, target: Target) -> Resource | None:
    """The document that a target is there for, or was until the document left it out."""
    if target.item is not None:
        return target.item.resource
    owned = draft.view.memory.owned.get(target.live.key) if target.live else None
    return draft.view.desired.resources.get(Ref(owned.kind, owned.document)) if owned else None
