"""What callers hand to the state and get back from it: frozen data, nothing of the database in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from reconciler.memory import Owned
from reconciler.model import Identity, Key

Ending = Literal["done", "refused", "not-done", "unknown"]
"""How a journalled write ended: its effect was seen or acknowledged; the server said no; a read showed that it had
no effect; nobody can tell."""

OPEN = "open"
UNKNOWN = "unknown"
CLOSED = frozenset({"done", "refused", "not-done"})
GIVEN_BACK = frozenset({"refused", "not-done"})
"""Endings that surely destroyed nothing: what they had taken from the day's budget is given back."""
CREATE = "create"
"""The action of an entry that makes an object."""

ORDERED = "ordered"
"""The verdict of what isn't a pass, but somebody's order."""


class PassStart(Struct, frozen=True):
    """A pass as it begins. ``at`` in Unix seconds; ``mode`` names what runs it (``apply``, ``enforce`` …)."""

    at: float
    mode: str = "apply"
    revision: str | None = None
    digest: str | None = None


class PassRecord(Struct, frozen=True):
    """A pass as history shows it; ``ended`` and ``verdict`` are None while it runs, or when it was cut short."""

    id: int
    start: PassStart
    ended: float | None
    verdict: str | None
    summary: Mapping[str, Any]
    outcomes: tuple[Mapping[str, Any], ...]


class Entry(Struct, frozen=True):
    """One write, journalled before it is sent: the request, and all objects that it touches.

    ``moves`` are the plan's moves that it carries out, ``names`` the objects as people call them.
    ``destructive`` counts the objects that it destroys. ``fields`` holds, for the delete of a replacement
    or a redeploy, the non-secret body that is to be created afterwards, and for a create what it is sent with: JSON
    values, tuples, sets and ``SecretRef``; a ``Secret`` is refused. ``at`` in Unix seconds.
    """

    pass_id: int
    operation: str
    method: str
    path: str
    action: str
    moves: tuple[str, ...]
    objects: tuple[Key, ...]
    names: tuple[str, ...]
    at: float
    destructive: int = 0
    fields: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)


class Settlement(Struct, frozen=True):
    """How a journalled write ended, and what we know since then.

    ``own``: objects that are ours now; ``disown``: objects that are gone (with what was sent for them);
    ``ids``: ids learnt for owned objects; ``sent``: path → fingerprint of what can't be read back.
    """

    status: Ending
    own: tuple[Owned, ...] = ()
    disown: tuple[Key, ...] = ()
    ids: Mapping[Key, str] = field(default_factory=dict)
    sent: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    reason: str = ""


class EntryRecord(Struct, frozen=True):
    """A journalled write as it is kept. ``status`` is ``open`` or an ``Ending``; ``how`` says who settled it.

    ``intact`` False: its seal is broken, so that nothing it says may be relied on. ``entry.fields`` is always
    empty here: ``Memory.unfinished`` and ``Memory.made`` hold what still counts.
    """

    id: int
    entry: Entry
    status: str
    reason: str
    how: str
    settled_at: float | None
    intact: bool = True


class Suspension(Struct, frozen=True):
    """A target that nothing is written to; ``until`` None: until somebody resumes it. Times are Unix seconds."""

    owner: str
    reason: str
    since: float
    until: float | None = None


class Approval(Struct, frozen=True):
    """A plan that somebody has agreed to, until it is carried out or ``until`` (Unix seconds) has passed."""

    digest: str
    by: str
    at: float
    until: float


class Quarantine(Struct, frozen=True):
    """An object whose steps failed ``failures`` times in a row; tried again from ``until`` (Unix seconds) on."""

    kind: str
    identity: Identity
    name: str
    failures: int
    until: float
    error: str

    @property
    def key(self) -> Key:
        return (self.kind, self.identity)


class Standing(Struct, frozen=True):
    """What people have ordered, and which objects have failed of late, at one moment."""

    suspension: Suspension | None = None
    approvals: tuple[Approval, ...] = ()
    quarantines: tuple[Quarantine, ...] = ()
