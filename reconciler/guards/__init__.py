"""What is held back although it could be done: ownership, wishes, limits. One file each, each named in the plan."""

from __future__ import annotations

from reconciler.guards.budget import hold_over_budget
from reconciler.guards.ownership import hold_not_owned, hold_unknown_ids
from reconciler.guards.recreate import hold_mass_recreation
from reconciler.guards.replacing import hold_replacements
from reconciler.guards.timing import hold_for_now, may_finish
from reconciler.guards.wishes import document_of, hold_wishes

__all__ = [
    "document_of",
    "hold_for_now",
    "hold_mass_recreation",
    "hold_not_owned",
    "hold_over_budget",
    "hold_replacements",
    "hold_unknown_ids",
    "hold_wishes",
    "may_finish",
]
