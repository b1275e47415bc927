"""The plan and the report as frozen data: sorted, printable, hashable, made once and never branched on by text."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from reconciler.model import Item, LiveObject


class Action(StrEnum):
    """What a step does to an object."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    UPGRADE = "upgrade"
    REDEPLOY = "redeploy"

    @property
    def takes_down(self) -> bool:
        """Whether the object that is there now goes away, for good or for a while."""
        return self in (Action.REPLACE, Action.DELETE, Action.REDEPLOY)

    @property
    def brings_up(self) -> bool:
        """Whether the object is there, as wanted, afterwards."""
        return self is not Action.DELETE

    @property
    def two_phased(self) -> bool:
        return self.takes_down and self.brings_up


APPROVABLE = frozenset({"budget", "recreate"})
"""The rules that an approval of the plan's digest lifts."""

TIMED = frozenset({"suspended", "outside-window", "quarantined"})
"""The rules by which a step waits for another moment: they stand outside the plan's digest."""

UNKNOWN = "(unknown)"
"""What a field was before, where it can't be read back."""


class Change(Struct, frozen=True):
    """One field's difference. ``path`` is a JSON pointer; secrets appear as ``(secret)`` or ``(secret, changed)``,
    and what can't be read back as ``(unknown)``."""

    path: str
    before: Any
    after: Any


class Target(Struct, frozen=True):
    """One object that a step touches: what is wanted (None: gone) and what is there (None: nothing yet)."""

    item: Item | None
    live: LiveObject | None


class Step(Struct, frozen=True):
    """One thing to do. ``targets`` has more than one entry only where one call touches several objects.

    ``after`` holds the ids of the moves that it waits for: a step's id, or, of a two-phased step,
    its id followed by ``#down`` or ``#up``. ``group``: all steps of a group are done, or none.
    """

    id: str
    action: Action
    kind: str
    name: str
    targets: tuple[Target, ...]
    changes: tuple[Change, ...] = ()
    reason: str = ""
    destructive: bool = False
    disruptive: bool = False
    after: tuple[str, ...] = ()
    group: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> frozenset[str]:
        """The names of the item's fields that the changes lie in."""
        names = self.item.fields if self.item else ()
        paths = [change.path for change in self.changes]
        return frozenset(name for name in names if any(f"{path}/".startswith(f"/{name}/") for path in paths))

    @property
    def item(self) -> Item | None:
        return self.targets[0].item

    @property
    def live(self) -> LiveObject | None:
        return self.targets[0].live


class Move(Struct, frozen=True):
    """Half of a two-phased step, or a whole other one: what the executor schedules.

    ``hard`` are the moves whose failure stops this one; ``soft`` are only waited for.
    """

    id: str
    step: str
    down: bool
    hard: frozenset[str] = frozenset()
    soft: frozenset[str] = frozenset()


class HeldBack(Struct, frozen=True):
    """A step that isn't done now, the rule that says so, and the remedy."""

    step: Step
    rule: str
    reason: str
    remedy: str


class Unknown(Struct, frozen=True):
    """Fields that can't be compared: they can't be read back and nothing is known of what was sent."""

    kind: str
    name: str
    paths: tuple[str, ...]
    reason: str


SUMMARY = ("create", "update", "replace", "delete", "upgrade", "redeploy", "blocked", "held", "unchanged")


class Plan(Struct, frozen=True):
    """What will be done, in order, and what won't, and why.

    ``target`` is its name, ``url`` where it is; ``lineage`` None: made without the state, can't be applied.
    ``calls`` forecasts the requests by method; ``spent`` is the day's budget used before this plan. ``recorded``: when
    the live state was recorded that it was made from, where that wasn't read for it.
    """

    target: str
    system: str
    url: str
    lineage: str | None
    revision: str | None
    steps: tuple[Step, ...]
    moves: tuple[Move, ...]
    blocked: tuple[HeldBack, ...]
    held: tuple[HeldBack, ...]
    unknown: tuple[Unknown, ...]
    warnings: tuple[str, ...]
    unchanged: int
    calls: Mapping[str, int]
    digest: str
    recorded: str | None = None
    in_sync: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """No step to do (something may still be blocked)."""
        return not self.steps

    @property
    def approvable(self) -> bool:
        """Whether something is held back that an approval of the digest would let be done."""
        return any(one.rule in APPROVABLE for one in self.blocked)

    @property
    def summary(self) -> dict[str, int]:
        """Counts by action, then blocked, held and unchanged."""
        counts = dict.fromkeys(SUMMARY, 0)
        for step in self.steps:
            counts[step.action.value] += 1
        return counts | {"blocked": len(self.blocked), "held": len(self.held), "unchanged": self.unchanged}


INTERRUPTED = "interrupted before it was begun"
"""The error of a step that was skipped since the whole pass was told to stop."""


class Status(StrEnum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    PROGRESSING = "progressing"


class Verdict(StrEnum):
    """How a pass ended."""

    CONVERGED = "converged"
    BLOCKED = "blocked"
    FAILED = "failed"
    PROGRESSING = "progressing"


class Outcome(Struct, frozen=True):
    """One step's end. ``attempts`` counts the times that a write was sent; ``seconds`` from its start to its end."""

    step: str
    status: Status
    error: str | None = None
    attempts: int = 1
    seconds: float = 0.0


class Report(Struct, frozen=True):
    """What became of a plan. ``calls`` counts the requests that were sent, ``extra`` polls, retries and re-reads."""

    plan: Plan
    outcomes: Mapping[str, Outcome]
    verdict: Verdict
    calls: Mapping[str, int]
    extra: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
