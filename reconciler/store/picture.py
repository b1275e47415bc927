"""One consistent picture of what we remember, made of the rows whose seals hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from msgspec import Struct

from reconciler.memory import Memory, OpenEntry, Owned, Sent, Unfinished
from reconciler.model import Identity, Key
from reconciler.store.codec import load_fields, load_identity
from reconciler.store.columns import CONTENT, TRUTHS
from reconciler.store.entry import record
from reconciler.store.records import CLOSED, CREATE
from reconciler.store.required import DAY, require_own
from reconciler.store.seals import Seals

Read = Callable[[str, tuple[str, ...]], Iterable[Sequence[Any]]]
"""Carries out a statement, with a value for each ``?`` in it, and gives its rows. Plain SQL, which every driver takes:
through more layers, ten thousand rows would take twice as long."""

_RELEVANT = f"(charged <> 0 OR charged IS NULL OR status NOT IN ({', '.join('?' * len(CLOSED))}) OR status IS NULL)"


class Things(Struct, frozen=True):
    """What is remembered whatever the time is, and how many of its rows were passed over as damaged."""

    owned: Mapping[Key, Owned]
    sent: Mapping[Key, Mapping[str, Sent]]
    unfinished: Mapping[Key, Unfinished]
    made: Mapping[Key, Mapping[str, Any]]
    damaged: int


class Picture:
    """Reads a target's rows within one transaction; ``damaged`` counts those whose seal is broken."""

    def __init__(self, read: Read, seals: Seals) -> None:
        self.damaged = 0
        self._read = read
        self._seals = seals
        self._identities = _Identities()

    def memory(self, now: float, things: Things | None = None) -> Memory:
        """The picture at ``now`` (Unix seconds); ``things`` are what :meth:`things` would find, where that is known.

        Raises StateUnusable when the target's own row is damaged.
        """
        pending, spent = self._journal(now)
        things = things or self.things()
        self.damaged += things.damaged
        return Memory(
            lineage=self._seals.lineage,
            owned=dict(things.owned),  # a pass notes in it what it has done
            sent=things.sent,
            unfinished=things.unfinished,
            made=things.made,
            open=pending,
            spent=spent,
        )

    def things(self) -> Things:
        """What is remembered but the journal."""
        before, self.damaged = self.damaged, 0
        unfinished, made = self._bodies()
        found = Things(self._owned(), self._sent(), unfinished, made, self.damaged)
        self.damaged = before
        return found

    def _intact(self, table: str, order: str) -> Iterator[list[Any]]:
        """What the rows hold in the order of ``CONTENT``."""
        names, intact = CONTENT[table], self._seals.checker(table)
        truths = [names.index(name) for name in TRUTHS.get(table, ())]
        # As lists: ten thousand maps take longer to make than to read.
        for *content, seal in self._read(f"{_select(table)} ORDER BY {order}", (self._seals.target,)):
            for at in truths:
                content[at] = None if content[at] is None else bool(content[at])
            if intact(content, seal):
                yield content
            else:
                self.damaged += 1

    def _owned(self) -> dict[Key, Owned]:
        found: dict[Key, Owned] = {}
        for _, kind, text, id, shown, document, keep, adopted in self._intact("owned", "kind, identity"):
            key = self._key(kind, text)
            name = key[1][-1] if key[1][-1:] == (shown,) else shown  # one text for all that is the same
            found[key] = Owned(*key, id, name, name if document == name else document, keep, adopted)
        return found

    def _sent(self) -> dict[Key, dict[str, Sent]]:
        known: dict[Key, dict[str, Sent]] = {}
        for _, kind, identity, path, fingerprint, at in self._intact("sent", "kind, identity, path"):
            known.setdefault(self._key(kind, identity), {})[intern(path)] = Sent(fingerprint, at)
        return known

    def _bodies(self) -> tuple[dict[Key, Unfinished], dict[Key, dict[str, Any]]]:
        """What is still to be created, and what creates were sent with; of each the last one counts."""
        coming: dict[Key, Unfinished] = {}
        made: dict[Key, dict[str, Any]] = {}
        rows = list(self._intact("unfinished", "entry"))
        actions = self._actions() if rows else {}
        for entry, _, kind, identity, text in rows:
            key, fields, action = self._key(kind, identity), load_fields(text), actions.get(entry)
            if action == CREATE:
                made[key] = fields
            elif action is not None:
                coming[key] = Unfinished(*key, fields)
        return coming, made

    def _actions(self) -> dict[int, str]:
        """What the intact entries that a body is kept of were to do."""
        found = self._entries("id IN (SELECT entry FROM unfinished)")
        return {row["id"]: row["action"] for row in found if self._seals.holds("entries", row)}

    def _journal(self, now: float) -> tuple[tuple[OpenEntry, ...], int]:
        pending: list[OpenEntry] = []
        spent = self._charged()
        for row in self._entries(_RELEVANT, *sorted(CLOSED)):
            kept = record(self._seals, row)
            self.damaged += not kept.intact
            # An entry "from the future" is no older than a day: a clock that jumps back frees nothing.
            if kept.intact and kept.entry.at <= now - DAY:
                spent -= row["charged"]
            if kept.status not in CLOSED:
                entry = kept.entry
                pending.append(OpenEntry(kept.id, entry.operation, entry.action, entry.objects, entry.at, kept.reason))
        return tuple(pending), max(spent, 0)

    def _entries(self, which: str, *given: str) -> Iterator[dict[str, Any]]:
        names = ("id", *CONTENT["entries"], "seal")
        for row in self._read(f"{_select('entries', 'id')} AND {which} ORDER BY id", (self._seals.target, *given)):
            yield dict(zip(names, row, strict=True))

    def _charged(self) -> int:
        return int(require_own(own_row(self._read, self._seals.target), self._seals)["charged"])

    def _key(self, kind: str, identity: str) -> Key:
        return (intern(kind), self._identities[identity])


def own_row(read: Read, target: str) -> dict[str, Any] | None:
    """A target's own row; None where the state has none of that name."""
    names = (*CONTENT["targets"], "seal")
    return next((dict(zip(names, row, strict=True)) for row in read(_select("targets", of="name"), (target,))), None)


def _select(table: str, *more: str, of: str = "target") -> str:
    columns = ", ".join(f'"{name}"' for name in (*more, *CONTENT[table], "seal"))
    return f"SELECT {columns} FROM {table} WHERE {of} = ?"  # noqa: S608 - our own names


class _Identities(dict[str, Identity]):
    """Identities by their text; most stand in two tables, and are read once."""

    def __missing__(self, text: str) -> Identity:
        parts = text[2:-2].split('","')
        # A list of plain texts, as nearly all are, needs no parser.
        plain = text[:2] == '["' and text[-2:] == '"]' and "\\" not in text and text.count('"') == 2 * len(parts)
        self[text] = identity = tuple(parts) if plain else load_identity(text)
        return identity
