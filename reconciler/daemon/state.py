"""What the daemon knows of each target and of its source: frozen pictures, replaced whole and read by anybody."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from reconciler.model import Problem
from reconciler.steps import Plan, Report
from reconciler.store.records import Approval, Suspension
from reconciler.systems.health import Health

__all__ = ["Health", "Mode", "ObjectState", "Phase", "SourceState", "Sync", "TargetState"]


class Mode(StrEnum):
    """What the daemon does about drift: put it right, or only tell."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class Phase(StrEnum):
    """What is going on at a target right now. ``STANDBY``: another replica holds its lease."""

    WAITING = "waiting"
    RUNNING = "running"
    STANDBY = "standby"
    STOPPED = "stopped"


class Sync(StrEnum):
    """How one object's live side compares with its document."""

    SYNCED = "synced"
    PENDING = "pending"
    BLOCKED = "blocked"
    HELD = "held"
    FAILED = "failed"


class ObjectState(Struct, frozen=True):
    """One object of the desired state, or one of ours that has no document any more.

    ``words`` says why, where there is something to say (a rule's reason, an error); ``health_words`` is the server's
    status word, or what is wrong.
    """

    kind: str
    name: str
    sync: Sync
    health: Health = Health.UNKNOWN
    words: str = ""
    health_words: str = ""


class SourceState(Struct, frozen=True):
    """Where the desired state comes from, and how the last look at it went.

    ``where`` is without credentials. ``revision`` is that of the tree in force, ``seen`` that of the newest one,
    which may not be sound; ``problems`` and ``error`` say why not. Times are Unix seconds.
    """

    where: str
    revision: str | None = None
    seen: str | None = None
    error: str | None = None
    problems: tuple[Problem, ...] = ()
    read_at: float | None = None
    changed_at: float | None = None

    @property
    def sound(self) -> bool:
        """Whether what is in force is the newest there is."""
        return self.error is None and not self.problems


class TargetState(Struct, frozen=True):
    """One target as the last pass left it. Times are Unix seconds.

    ``verdict`` is how the last pass ended: a ``Verdict``'s word, ``drifted`` where drift was only told,
    ``suspended``, ``error`` when it came to no plan; None before the first one. ``plan`` is what is still to be
    done, blocked or held, as of ``checked_at``; ``report`` the last one that had steps. ``failures`` counts the
    failed passes in a row. ``holder`` is the replica that holds the lease, where it isn't this one.
    """

    name: str
    system: str
    url: str
    mode: Mode = Mode.ENFORCE
    phase: Phase = Phase.WAITING
    verdict: str | None = None
    error: str | None = None
    remedy: str | None = None
    revision: str | None = None
    pass_id: str | None = None
    plan: Plan | None = None
    report: Report | None = None
    objects: tuple[ObjectState, ...] = ()
    checked_at: float | None = None
    succeeded_at: float | None = None
    next_at: float | None = None
    failures: int = 0
    holder: str | None = None
    suspension: Suspension | None = None
    window: str | None = None
    approvals: tuple[Approval, ...] = field(default=())
