"""What the user allows a pass to do: one frozen value, from flags, variables or a target's configuration."""

from __future__ import annotations

from msgspec import Struct, field

from reconciler.model import Ref


class Policy(Struct, frozen=True):
    """Wishes and limits. ``destructive`` is the budget a pass, ``daily`` the one for 24 hours.

    ``allow`` holds the names given to ``--allow`` that take no number (``redeploy``, ``replace``);
    ``deletions`` and ``recreate`` are the numbers of those that do. ``only`` empty means everything.
    """

    prune: bool = False
    allow: frozenset[str] = frozenset()
    deletions: int | None = None
    recreate: int | None = None
    destructive: int = 5
    daily: int = 20
    resend: bool = False
    only: frozenset[Ref] = field(default_factory=frozenset)

    def allows(self, name: str) -> bool:
        return name in self.allow
