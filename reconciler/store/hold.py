"""The right to write to one target: who has it, until when, and what proves it when a write is about to be sent."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field
from sqlalchemy import Connection

from reconciler.errors import StateLocked


def default_holder() -> str:
    """``host:pid``."""
    return f"{socket.gethostname()}:{os.getpid()}"


def locked(holder: str) -> StateLocked:
    """The error for a second writer; ``holder`` says who the first one is."""
    return StateLocked(
        f"the state is in use by {holder}",
        remedy="Wait for it to end (--lock-timeout), or let the running daemon do it (--server).",
    )


class Terms(Struct, frozen=True):
    """``lease``: seconds after which a silent holder counts as gone. ``request_deadline``: seconds after which no
    request of it can still have an effect."""

    holder: str = field(default_factory=default_holder)
    lease: float = 15.0
    request_deadline: float = 30.0


class Hold(Protocol):
    """One target's right to write. All but ``held``, ``fence`` and ``settle_after`` block."""

    settle_after: float
    """Until then (monotonic seconds) a former holder's requests may still have effects; 0.0: none can."""

    @property
    def held(self) -> bool:
        """Whether it is surely ours now."""

    @property
    def engaged(self) -> bool:
        """Whether it was taken and not given up since, be it still ours or not."""

    @property
    def holder(self) -> str | None:
        """Who has it, if it isn't us."""

    def take(self, timeout: float) -> bool:
        """Take it within ``timeout`` seconds, or not."""

    def drop(self) -> None:
        """Give it up, so that another may have it at once."""

    def fence(self) -> None:
        """Raises LeaseLost unless it is surely ours now."""

    def check(self, connection: Connection, *, order: bool) -> None:
        """Within a write's transaction: raises LeaseLost unless the write may be made, and keeps it so until the end.

        ``order``: the write is made on behalf of a person, who needs no lease.
        """

    def refused(self) -> StateLocked:
        """The error for somebody who can't have it."""

    def announce(self, seconds: float) -> int:
        """Say that this replica is there for so many seconds; gives how many are, itself among them."""


class Whole:
    """The hold of who has the whole database to himself.

    ``vanished`` is when the one before, if it never gave it up, sent anything for the last time (Unix seconds).
    ``departs`` is told right before each part of a write leaves.
    """

    held = True
    engaged = True
    holder = None

    def __init__(self, vanished: float | None = None, departs: Callable[[], None] = lambda: None) -> None:
        self.vanished = vanished
        self.settle_after = 0.0
        self._departs = departs

    def take(self, timeout: float) -> bool:
        return True

    def drop(self) -> None: ...

    def fence(self) -> None:
        self._departs()

    def check(self, connection: Connection, *, order: bool) -> None: ...

    def announce(self, seconds: float) -> int:
        return 1

    def refused(self) -> StateLocked:
        raise AssertionError("it is never refused")
