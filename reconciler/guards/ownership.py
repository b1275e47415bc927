"""Only what we created, or were told to adopt, is ever taken away."""

from __future__ import annotations

from reconciler.steps import Action
from reconciler.systems.draft import Draft


def hold_not_owned(draft: Draft) -> None:
    """Hold back each step that takes down or upgrades an object that isn't ours."""
    for step in draft.free():
        if not step.action.takes_down and step.action is not Action.UPGRADE:
            continue
        strangers = [one.live for one in step.targets if one.live is not None and not draft.view.owns(one.live)]
        if strangers:
            names = ", ".join(f"{live.kind}/{live.name}" for live in strangers)
            draft.block(
                step,
                "not-owned",
                f"{names} was not created by us",
                f"`reconciler adopt {strangers[0].kind} {strangers[0].name}`, "
                "or the annotation reconciler/adopt: enabled on its document",
            )


def hold_unknown_ids(draft: Draft) -> None:
    """Hold back each step that must name an object by an id that nobody told us."""
    for step in draft.free():
        kind = draft.view.system.kinds[step.kind]
        lives = [one.live for one in step.targets if one.live is not None]
        needs_id = step.action.takes_down or step.action is Action.UPDATE
        if not kind.singleton and needs_id and any(live.id is None for live in lives):
            draft.block(
                step,
                "unknown-id",
                "the server doesn't tell its id, and the state doesn't remember it",
                f"`reconciler adopt {step.kind} {step.name} --id ID` with the id that the console shows",
            )
