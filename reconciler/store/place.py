"""Where a state lies, in words: what every message about it begins with, whichever database keeps it."""

from __future__ import annotations

from msgspec import Struct

from reconciler.errors import StateUnusable

RESTORE = "Put a backup in its place, or move it away to begin with a state that owns nothing."


class Place(Struct, frozen=True):
    """``name`` shows no password; ``remedy`` says what to do when the content is damaged."""

    name: str
    remedy: str = RESTORE

    def __str__(self) -> str:
        return self.name

    def damaged(self) -> StateUnusable:
        """The error for a content that can't be right."""
        return StateUnusable(f"{self.name} is damaged", remedy=self.remedy)
