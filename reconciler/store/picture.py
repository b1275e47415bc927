"""One consistent picture of what we remember, made of the rows whose seals hold."""

from __future__ import annotations

from collections.abc import Iterator
from sys import intern
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from reconciler.memory import Memory, OpenEntry, Owned, Sent, Unfinished
from reconciler.model import Identity, Key
from reconciler.store.codec import load_fields, load_identity
from reconciler.store.journal import not_closed, record
from reconciler.store.records import CLOSED, CREATE
from reconciler.store.schema import entries, owned, sent, unfinished
from reconciler.store.seals import Seals
from reconciler.store.targets import DAY, charged


class Picture:
    """Reads a target's rows within one transaction; ``damaged`` counts those whose seal is broken."""

    def __init__(self, connection: Connection, seals: Seals) -> None:
        self.damaged = 0
        self._connection = connection
        self._seals = seals
        self._identities = _Identities()

    def memory(self, now: float) -> Memory:
        """The picture at ``now`` (Unix seconds). Raises StateUnusable when the target's own row is damaged."""
        pending, spent = self._journal(now)
        unfinished, made = self._bodies()
        return Memory(
            lineage=self._seals.lineage,
            owned=self._owned(),
            sent=self._sent(),
            unfinished=unfinished,
            made=made,
            open=pending,
            spent=spent,
        )

    def _intact(self, table: Table, *order: str) -> Iterator[dict[str, Any]]:
        query = select(table).where(table.c.target == self._seals.target).order_by(*(table.c[name] for name in order))
        found = self._connection.execute(query)
        names = tuple(found.keys())
        for values in found.all():
            # A plain dict is read several times as quickly as the database's own mapping, which counts for 10,000 rows.
            row = dict(zip(names, values, strict=True))
            if self._seals.hold(table, row):
                yield row
            else:
                self.damaged += 1

    def _owned(self) -> dict[Key, Owned]:
        things = [
            Owned(
                kind=intern(row["kind"]),
                identity=self._identities[row["identity"]],
                id=row["object_id"],
                name=row["name"],
                document=row["name"] if row["document"] == row["name"] else row["document"],  # one text for both
                keep=row["keep"],
                adopted=row["adopted"],
            )
            for row in self._intact(owned, "kind", "identity")
        ]
        return {thing.key: thing for thing in things}

    def _sent(self) -> dict[Key, dict[str, Sent]]:
        known: dict[Key, dict[str, Sent]] = {}
        for row in self._intact(sent, "kind", "identity", "path"):
            known.setdefault(self._key(row), {})[intern(row["path"])] = Sent(row["fingerprint"], row["at"])
        return known

    def _bodies(self) -> tuple[dict[Key, Unfinished], dict[Key, dict[str, Any]]]:
        """What is still to be created, and what creates were sent with; of each the last one counts."""
        coming: dict[Key, Unfinished] = {}
        made: dict[Key, dict[str, Any]] = {}
        rows = list(self._intact(unfinished, "entry"))
        actions = self._actions() if rows else {}
        for row in rows:
            key, fields, action = self._key(row), load_fields(row["fields"]), actions.get(row["entry"])
            if action == CREATE:
                made[key] = fields
            elif action is not None:
                coming[key] = Unfinished(*key, fields)
        return coming, made

    def _actions(self) -> dict[int, str]:
        """What the intact entries that a body is kept of were to do."""
        mine = entries.c.target == self._seals.target
        found = self._connection.execute(select(entries).where(mine, entries.c.id.in_(select(unfinished.c.entry))))
        return {row["id"]: row["action"] for row in found.mappings() if self._seals.hold(entries, row)}

    def _journal(self, now: float) -> tuple[tuple[OpenEntry, ...], int]:
        relevant = or_(entries.c.charged != 0, entries.c.charged.is_(None), not_closed())
        query = select(entries).where(entries.c.target == self._seals.target, relevant).order_by(entries.c.id)
        pending: list[OpenEntry] = []
        spent = charged(self._connection, self._seals)
        for row in self._connection.execute(query).mappings():
            kept = record(self._seals, row)
            self.damaged += not kept.intact
            # An entry "from the future" is no older than a day: a clock that jumps back frees nothing.
            if kept.intact and kept.entry.at <= now - DAY:
                spent -= row["charged"]
            if kept.status not in CLOSED:
                entry = kept.entry
                pending.append(OpenEntry(kept.id, entry.operation, entry.action, entry.objects, entry.at, kept.reason))
        return tuple(pending), max(spent, 0)

    def _key(self, row: Any) -> Key:
        return (intern(row["kind"]), self._identities[row["identity"]])


class _Identities(dict[str, Identity]):
    """Identities by their text; most stand in two tables, and are read once."""

    def __missing__(self, text: str) -> Identity:
        self[text] = identity = load_identity(text)
        return identity
