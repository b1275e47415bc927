"""A set of objects that is found by id or by tag at once, and that is serialised only where it changed.

Measurements run against a hundred thousand objects: neither a write nor a list may walk over all of them in Python
more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import orjson

Record: TypeAlias = dict[str, Any]


def checked_edit(order: Mapping[str, Any]) -> None:
    """ValueError unless `order` has a collection, and one of set, delete and add."""
    unknown = set(order) - {"collection", "match", "set", "delete", "add"}
    if unknown or sum(name in order for name in ("set", "delete", "add")) != 1:
        raise ValueError("an edit has a collection, and one of set, delete and add")


class Collection:
    """Objects by id, in the order of their creation; each also under the tags that `tags(record)` gives it."""

    def __init__(self, id_field: str, tags: Callable[[Record], Iterable[Hashable]]) -> None:
        self.id_field = id_field
        self._tags = tags
        self._records: dict[str, Record] = {}
        self._tagged: dict[Hashable, dict[str, None]] = {}
        self.version = 0
        self.stale: set[str] = set()
        self.touched: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def ids(self) -> Iterable[str]:
        """The ids, oldest first."""
        return self._records.keys()

    def get(self, identity: str) -> Record | None:
        """The object with this id, which callers must not change: `change` does."""
        return self._records.get(identity)

    def tagged(self, *tag: Hashable) -> list[Record]:
        """The objects with this tag, oldest first."""
        return [self._records[identity] for identity in self._tagged.get(tag, ())]

    def has(self, *tag: Hashable) -> bool:
        """Whether any object has this tag."""
        return tag in self._tagged

    def matching(self, match: Mapping[str, Any]) -> list[str]:
        """The ids of the objects whose fields have these values, compared as texts."""
        return [
            identity
            for identity, record in self._records.items()
            if all(str(record.get(field)) == str(value) for field, value in match.items())
        ]

    def add(self, record: Record) -> Record:
        """Take `record` in, in place of one with its id, and give it back."""
        identity = str(record[self.id_field])
        if identity in self._records:
            self._untag(identity)
        self._records[identity] = record
        for tag in self._tags(record):
            self._tagged.setdefault(tag, {})[identity] = None
        self._touch(identity)
        return record

    def remove(self, identity: str) -> Record:
        """Take the object with this id out and give it back; KeyError if there is none."""
        self._untag(identity)
        self._touch(identity)
        return self._records.pop(identity)

    def change(self, identity: str, **fields: Any) -> Record:
        """Put `fields` into the object with this id; a new id moves it. Gives the object back as it is now."""
        record = {**self._records[identity], **fields}
        if str(record[self.id_field]) != identity:
            self.remove(identity)
        return self.add(record)

    def drain(self) -> dict[str, Record | None]:
        """The objects that were added, changed or removed since the last call, by id; None for one that is gone."""
        touched, self.touched = self.touched, set()
        return {identity: self._records.get(identity) for identity in sorted(touched)}

    def _untag(self, identity: str) -> None:
        for tag in self._tags(self._records[identity]):
            holders = self._tagged.get(tag, {})
            holders.pop(identity, None)
            if not holders:
                self._tagged.pop(tag, None)

    def _touch(self, identity: str) -> None:
        self.version += 1
        self.stale.add(identity)
        self.touched.add(identity)


class Listing:
    """The JSON of a whole collection: `render` is called only for objects that changed since the last time."""

    def __init__(self, collection: Collection, render: Callable[[Record], object]) -> None:
        self._collection = collection
        self.render = render
        self._parts: dict[str, bytes] = {}
        self._epoch: Hashable = object()
        self._version = -1
        self._text = b"[]"

    def text(self, epoch: Hashable, by_id: bool = False) -> bytes:
        """A JSON array of every object, or an object of them by id. Whatever else the text depends on is `epoch`:
        everything is rendered anew when that isn't the one of the last call."""
        if epoch != self._epoch:
            self._epoch, self._version, self._parts = epoch, -1, {}
            self._collection.stale = set(self._collection.ids())
        if self._version != self._collection.version:
            self._refresh(by_id)
        return self._text

    def _refresh(self, by_id: bool) -> None:
        for identity in self._collection.stale:
            record = self._collection.get(identity)
            if record is None:
                self._parts.pop(identity, None)
            else:
                self._parts[identity] = self._rendered(identity, record, by_id)
        self._collection.stale = set()
        self._version = self._collection.version
        content = b"".join(map(self._parts.__getitem__, self._collection.ids()))[1:]
        self._text = b"{" + content + b"}" if by_id else b"[" + content + b"]"

    def _rendered(self, identity: str, record: Record, by_id: bool) -> bytes:
        # The comma is more than punctuation: orjson's own bytes keep their whole first buffer, a copy is exact.
        key = orjson.dumps(identity) + b":" if by_id else b""
        return b"," + key + orjson.dumps(self.render(record))
