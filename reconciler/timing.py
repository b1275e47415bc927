"""What the moment allows: a pass may be due while some of its steps are not."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from reconciler.model import Key


class Timing(Struct, frozen=True):
    """Why steps wait now, in words for people; all empty: nothing does, as in an explicit ``apply``.

    ``suspended`` holds back every step, ``closed`` (no maintenance window is open) the disruptive and destructive
    ones, ``quarantined`` those that touch one of these objects.
    """

    suspended: str | None = None
    closed: str | None = None
    quarantined: Mapping[Key, str] = field(default_factory=dict)


ANY_TIME = Timing()
