"""The words, shapes and tones that the pages have for states: a colour never stands alone."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.daemon.state import Health, Phase, Sync, TargetState
from reconciler.render.words import safe


class Look(Struct, frozen=True):
    """How a state appears: ``icon`` names a shape of ``icons.html.j2``, ``tone`` a colour of ``page.css``."""

    word: str
    icon: str
    tone: str


STATES: Mapping[str, Look] = {
    look.word: look
    for look in (
        Look("failing", "cross", "bad"),
        Look("stopped", "cross", "bad"),
        Look("blocked", "barrier", "bad"),
        Look("drifted", "triangle", "warn"),
        Look("progressing", "half", "info"),
        Look("suspended", "pause", "calm"),
        Look("waiting", "ring", "calm"),
        Look("standby", "dashes", "calm"),
        Look("converged", "check", "good"),
    )
}
"""A target's states, the one that needs attention most first."""

LONGEST_WORD = 24
"""Characters of a state's word that comes from elsewhere: states never break over lines."""

ORDERED = Look("ordered", "person", "info")
"""What somebody has asked for, among the passes of the history."""

RANKS = {word: rank for rank, word in enumerate(STATES)}
ALARMING = frozenset({"failing", "stopped", "blocked", "drifted"})

SYNC: Mapping[Sync, Look] = {
    Sync.FAILED: Look("failed", "cross", "bad"),
    Sync.BLOCKED: Look("blocked", "barrier", "bad"),
    Sync.PENDING: Look("pending", "half", "info"),
    Sync.HELD: Look("held", "pause", "calm"),
    Sync.SYNCED: Look("synced", "check", "good"),
}
HEALTH: Mapping[Health, Look] = {
    Health.DEGRADED: Look("degraded", "triangle", "bad"),
    Health.MISSING: Look("missing", "dashes", "warn"),
    Health.PROGRESSING: Look("progressing", "half", "info"),
    Health.UNKNOWN: Look("unknown", "question", "calm"),
    Health.HEALTHY: Look("healthy", "check", "good"),
}
OUTCOMES: Mapping[str, Look] = {
    "done": Look("done", "check", "good"),
    "failed": Look("failed", "cross", "bad"),
    "unknown": Look("unknown", "question", "warn"),
    "progressing": Look("progressing", "half", "info"),
    "skipped": Look("skipped", "dashes", "calm"),
}
"""How a step ended."""


def state_of(target: TargetState) -> str:
    """The one word of ``STATES`` that a target is called by."""
    if target.phase is Phase.STANDBY:
        return "standby"
    if target.phase is Phase.STOPPED:
        return "stopped"
    if target.verdict in ("failed", "error"):
        return "failing"
    if target.suspension is not None:
        return "suspended"
    return target.verdict if target.verdict is not None and target.verdict in STATES else "waiting"


def ending(verdict: str | None) -> Look:
    """How a pass of the history ended; None: it still runs, or was cut short."""
    if verdict is None:
        return Look("not finished", "question", "calm")
    if verdict == ORDERED.word:
        return ORDERED
    if verdict in ("failed", "error"):
        return Look(verdict, "cross", "bad")
    return STATES.get(verdict) or Look(safe(verdict)[:LONGEST_WORD], "question", "calm")


def tags(target: TargetState) -> list[str]:
    """What else is to be known at a glance."""
    found = ["observe only"] if target.mode == "observe" else []
    found += ["running now"] if target.phase is Phase.RUNNING else []
    found += ["suspended"] if target.suspension is not None and state_of(target) != "suspended" else []
    return found


def headline(counts: Mapping[str, int], *, sound: bool) -> str:
    """What a title says first: that the newest tree isn't sound, the states that need somebody, or that none does."""
    rest = _told(counts)
    return rest if sound else f"Source not sound, {rest[:1].lower()}{rest[1:]}"


def _told(counts: Mapping[str, int]) -> str:
    alarms = [f"{counts[word]} {word}" for word in STATES if word in ALARMING and counts.get(word)]
    if alarms:
        return ", ".join(alarms)
    total = sum(counts.values())
    if not total:
        return "No targets"
    rest = [f"{counts[word]} {word}" for word in STATES if counts.get(word)]
    return f"{'All ' if total > 1 else ''}{rest[0]}" if len(rest) == 1 else ", ".join(rest)
