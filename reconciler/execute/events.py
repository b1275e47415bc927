"""What an apply tells while it runs, for progress displays and logs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from reconciler.steps import Outcome


class Happening(StrEnum):
    """What has just happened to a move."""

    STARTED = "started"
    WAITING = "waiting"
    UPLOADING = "uploading"
    ENDED = "ended"


class Event(Struct, frozen=True):
    """One happening. ``text`` is a status word or an error; ``done`` and ``total`` are bytes of an upload."""

    happening: Happening
    step: str
    move: str
    text: str = ""
    done: int = 0
    total: int = 0
    outcome: Outcome | None = None


Listener = Callable[[Event], None]


def nobody(event: Event) -> None:
    """A listener that doesn't listen."""
