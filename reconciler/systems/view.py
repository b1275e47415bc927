"""The live side as kinds and rules look at it: collections read at one time, and what is remembered about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from reconciler.memory import Memory, Owned
from reconciler.model import Desired, FileFacts, Identity, Item, Key, LiveObject, Ref
from reconciler.secret import Keyring, Secret, secret_refs

if TYPE_CHECKING:
    from reconciler.systems.base import Kind, System


class Unreadable(Struct, frozen=True):
    """A collection that couldn't be read: nothing is known of it, least of all that it is empty."""

    reason: str


class NotOffered(Struct, frozen=True):
    """A collection that this server doesn't show (404 or 405): it can be written only."""

    reason: str


class View(Struct, frozen=True, eq=False):
    """All that a plan is made from. ``collections`` maps a name to what its flow returned, or to one of the above.

    ``values`` are the secrets that have a value here; ``files`` maps a document's ``file`` to its facts.
    ``own_user`` is the name that we log in as (None with an API key).
    """

    system: System
    target: str
    desired: Desired
    collections: Mapping[str, Any]
    memory: Memory = field(default_factory=Memory)
    values: Mapping[str, Secret] = field(default_factory=dict)
    keyring: Keyring | None = None
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    own_user: str | None = None
    _cache: dict[str, Any] = field(default_factory=dict)

    def collection(self, name: str) -> Any:
        """What was read; None where it wasn't, whatever the cause."""
        found = self.collections.get(name)
        return None if isinstance(found, Unreadable | NotOffered) else found

    def trouble(self, kind: Kind) -> str | None:
        """Why a kind can't be judged, or None when everything it reads was read."""
        return self._unread(kind.reads)

    def _unread(self, names: tuple[str, ...]) -> str | None:
        for name in names:
            found = self.collections.get(name, Unreadable("it was not read"))
            if isinstance(found, Unreadable):
                return f"{name}: {found.reason}"
        return None

    def live(self, kind: str) -> tuple[LiveObject, ...]:
        """All live objects of a kind, in the order of their natural keys; of two with one key, ours is first."""
        return self._remember(f"live {kind}", lambda: self._live(kind))  # type: ignore[no-any-return]

    def _live(self, kind: str) -> tuple[LiveObject, ...]:
        found = self.system.kinds[kind]
        if self._unread(found.reads if found.shown_by is None else found.shown_by) is not None:
            return ()
        shown = sorted(found.live(self), key=attrgetter("identity"))
        if any(one.identity == other.identity for one, other in pairwise(shown)):
            shown.sort(key=lambda one: (one.identity, not self._remembers(one), one.id or ""))
        return tuple(shown)

    def _remembers(self, live: LiveObject) -> bool:
        owned = self.memory.owned.get(live.key)
        return owned is not None and owned.id == live.id

    def live_index(self, kind: str) -> Mapping[Identity, LiveObject]:
        """Live objects by natural key (the first one, where the server shows two)."""
        return self._remember(  # type: ignore[no-any-return]
            f"index {kind}", lambda: {one.identity: one for one in reversed(self.live(kind))}
        )

    def items(self, kind: str) -> tuple[Item, ...]:
        """All objects of a kind that documents ask for, in the order of their natural keys."""
        return self._remember(  # type: ignore[no-any-return]
            f"items {kind}",
            lambda: tuple(sorted(self._items(kind), key=attrgetter("identity"))),
        )

    def item_index(self, kind: str) -> Mapping[Identity, Item]:
        """The same by natural key."""
        return self._remember(  # type: ignore[no-any-return]
            f"items by key {kind}", lambda: {item.identity: item for item in self.items(kind)}
        )

    def _items(self, kind: str) -> Iterator[Item]:
        for resource in self.desired.of(kind):
            yield from self.system.kinds[kind].items(resource, self)

    def pairs(self, kind: str) -> Mapping[Identity, LiveObject]:
        """Which live object each declared one is: a declared natural key → its live object."""
        return self._remember(  # type: ignore[no-any-return]
            f"pairs {kind}", lambda: self.system.kinds[kind].match(self.items(kind), self)
        )

    def declared(self, kind: str, name: str) -> Item | None:
        """The (first) object that the document of this name asks for."""
        index = self._remember(f"names {kind}", lambda: self._names(kind))
        return index.get(name)  # type: ignore[no-any-return]

    def _names(self, kind: str) -> dict[str, Item]:
        return {item.resource.ref.name: item for item in reversed(self.items(kind))}

    def live_named(self, kind: str, name: str) -> LiveObject | None:
        """The live object with this display name."""
        index = self._remember(f"live names {kind}", lambda: {one.name: one for one in reversed(self.live(kind))})
        return index.get(name)  # type: ignore[no-any-return]

    def item_of(self, live: LiveObject) -> Item | None:
        """The declared object that a live one was matched with."""
        index = self._remember(f"back {live.kind}", lambda: self._back(live.kind))
        return index.get(live.identity)  # type: ignore[no-any-return]

    def _back(self, kind: str) -> dict[Identity, Item]:
        pairs = self.pairs(kind)
        return {pairs[item.identity].identity: item for item in self.items(kind) if item.identity in pairs}

    def owns(self, live: LiveObject) -> bool:
        """Whether a live object is ours: its natural key is remembered, with the same id, or its document adopts it."""
        item = self.item_of(live)
        if item is not None and item.resource.annotations.get("reconciler/adopt") == "enabled":
            return True
        owned = self.memory.owned.get(live.key) or (self.memory.owned.get(item.key) if item else None)
        return owned is not None and self.is_owned(owned, live)

    def is_owned(self, owned: Owned, live: LiveObject) -> bool:
        """Whether a live object is the one that is remembered: by its id, or by its looks while that isn't known."""
        if owned.id is None:
            return live.id is None or owned.adopted or self.looks_as_sent(owned.key, live)
        return live.id is None or owned.id == live.id

    def looks_as_sent(self, key: Key, live: LiveObject) -> bool:
        """Whether an object shows what its create was sent with, as far as that can be read back."""
        kind, fields = self.system.kinds[live.kind], self.memory.made.get(key)
        if fields is None:
            return False
        shown = [name for name in fields if name in live.fields and name not in kind.sealed]
        plain = [name for name in shown if not any(secret_refs(fields[name]))]
        return all(kind.same(name, live.fields[name], fields[name]) for name in plain)

    def has(self, ref: Ref) -> bool:
        """Whether the tree holds the document."""
        return ref in self.desired.resources

    def _remember(self, key: str, make: Any) -> Any:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


def find(view: View, key: Key) -> LiveObject | None:
    """The live object of a natural key."""
    return view.live_index(key[0]).get(key[1])
