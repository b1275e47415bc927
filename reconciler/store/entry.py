"""A row of the journal as data, whole or damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from reconciler.store.codec import dump, dump_keys, load_keys, load_names
from reconciler.store.records import Entry, EntryRecord
from reconciler.store.seals import Row, Seals

T = TypeVar("T")

DAMAGED = "damaged: the entry is not as it was written"
"""The reason that a damaged entry shows instead of its own."""


def record(seals: Seals, row: Row) -> EntryRecord:
    """A row as data; of a damaged one, whatever can be read."""
    intact = seals.holds("entries", row)
    row = row if intact else legible(row)
    entry = Entry(
        pass_id=row["pass_id"],
        operation=row["operation"],
        method=row["method"],
        path=row["path"],
        action=row["action"],
        moves=load_names(row["moves"]),
        objects=load_keys(row["objects"]),
        names=load_names(row["names"]),
        at=row["at"],
        destructive=row["destructive"],
    )
    return EntryRecord(row["id"], entry, row["status"], row["reason"], row["how"], row["settled_at"], intact)


def legible(row: Row) -> dict[str, Any]:
    """What a damaged row says, with every column of the type that it should be."""
    texts = {name: str(row[name]) for name in ("operation", "method", "path", "action", "status", "how")}
    counts = {name: row[name] if isinstance(row[name], int) else 0 for name in ("pass_id", "destructive", "charged")}
    times = {name: row[name] if isinstance(row[name], float) else 0.0 for name in ("at", "settled_at")}
    lists = {name: dump(list(_or_nothing(load_names, row[name]))) for name in ("moves", "names")}
    objects = {"objects": dump_keys(_or_nothing(load_keys, row["objects"]))}
    return {**row, **texts, **counts, **times, **lists, **objects, "reason": DAMAGED}


def _or_nothing(load: Callable[[str], tuple[T, ...]], text: Any) -> tuple[T, ...]:
    try:
        return load(text)
    except (TypeError, ValueError, RecursionError):
        return ()
