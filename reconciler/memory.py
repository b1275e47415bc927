"""What we remember about a target, as the plan needs it: a frozen picture of the state, read once a pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from reconciler.model import Identity, Key


class Owned(Struct, frozen=True):
    """An object that we created or were told to adopt.

    ``id`` is None between a create whose reply held none and the next list. ``document`` is the name of
    the document that asked for it last, ``keep`` its ``reconciler/prune: disabled``.
    """

    kind: str
    identity: Identity
    id: str | None
    name: str
    document: str
    keep: bool = False
    adopted: bool = False

    @property
    def key(self) -> Key:
        return (self.kind, self.identity)


class Sent(Struct, frozen=True):
    """What was last sent for a field that can't be read back: its fingerprint and when (Unix seconds)."""

    fingerprint: str
    at: float


class Unfinished(Struct, frozen=True):
    """A replacement whose delete was sent and whose create wasn't seen: the non-secret fields to create with."""

    kind: str
    identity: Identity
    fields: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return (self.kind, self.identity)


class OpenEntry(Struct, frozen=True):
    """A journalled write that has neither been acknowledged nor settled by reading."""

    entry: int
    operation: str
    action: str
    objects: tuple[Key, ...]
    at: float
    reason: str = ""


class Memory(Struct, frozen=True):
    """The state's picture. ``lineage`` None means: no state was opened; such a memory owns nothing.

    ``made``: the non-secret fields that a create was sent with, of objects whose id isn't known yet; by them ours is
    told from somebody else's of the same name. ``spent`` counts the destructive steps of the last 24 hours.
    """

    lineage: str | None = None
    owned: Mapping[Key, Owned] = field(default_factory=dict)
    sent: Mapping[Key, Mapping[str, Sent]] = field(default_factory=dict)
    unfinished: Mapping[Key, Unfinished] = field(default_factory=dict)
    made: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    open: tuple[OpenEntry, ...] = ()
    spent: int = 0
