"""Many owned objects gone at once look like a reinstalled server, or another one: ask before filling it."""

from __future__ import annotations

from reconciler.systems.draft import Draft


def hold_mass_recreation(draft: Draft) -> None:
    """Hold back making vanished objects again when they are more than the budget, or ``--allow recreate=N``."""
    limit = draft.policy.destructive if draft.policy.recreate is None else draft.policy.recreate
    gone = [step for step in draft.free() if step.id in draft.vanished]
    if len(gone) <= limit:
        return
    for step in gone:
        draft.block(
            step,
            "recreate",
            f"{len(gone)} objects of ours have vanished, more than the {limit} that are made again unasked",
            f"make sure that this is the right server, then --allow recreate={len(gone)}",
        )
