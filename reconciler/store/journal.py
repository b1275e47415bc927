"""The journal: each write is written down before it is sent, and closed once we know what became of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, update

from reconciler.errors import StateError
from reconciler.store.codec import dump, dump_fields, dump_keys, kept
from reconciler.store.entry import legible, record
from reconciler.store.ownership import apply_effects
from reconciler.store.records import CLOSED, GIVEN_BACK, OPEN, Entry, EntryRecord, Settlement
from reconciler.store.schema import entries, passes, unfinished
from reconciler.store.seals import Row, Seals
from reconciler.store.targets import charge, charged

# Made once: building a statement costs more than running it.
_MINE = (entries.c.id == bindparam("entry")) & (entries.c.target == bindparam("of"))
_INSERT = insert(entries)
_TO_COME = insert(unfinished)
_NO_MORE = delete(unfinished).where(unfinished.c.entry == bindparam("number"))
_SELECT = select(entries).where(_MINE)
_UPDATE = update(entries).where(_MINE)
_SETTLED = ("status", "reason", "how", "settled_at", "charged", "seal")
"""All that a settlement changes in an entry that is as it was written."""
_PASS = select(passes.c.id).where(passes.c.id == bindparam("number"), passes.c.target == bindparam("of"))


def open_entry(connection: Connection, seals: Seals, entry: Entry) -> int:
    """Write an entry of a pass of ours down; its destruction is charged, its bodies wait. Gives the entry's number."""
    row = {
        "pass_id": entry.pass_id,
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "action": str(entry.action),
        "moves": dump(list(entry.moves)),
        "objects": dump_keys(entry.objects),
        "names": dump(list(entry.names)),
        "at": float(entry.at),
        "destructive": entry.destructive,
        "charged": entry.destructive,
        "status": OPEN,
        "reason": "",
        "how": "",
        "settled_at": None,
    }
    made = connection.execute(_INSERT, seals.sealed(entries, row)).inserted_primary_key
    number = int(made[0]) if made else 0
    if entry.destructive:
        charge(connection, seals, entry.destructive)
    for (kind, identity), fields in entry.fields.items():
        body = {"entry": number, "kind": kind, "identity": dump(list(identity)), "fields": dump_fields(fields)}
        connection.execute(_TO_COME, seals.sealed(unfinished, body))
    return number


def settle(connection: Connection, seals: Seals, number: int, settlement: Settlement, seen: tuple[str, float]) -> None:
    """Close an entry and apply its effects; ``seen``: by what or whom, and when.

    Raises StateError when there is no such entry, or it is closed.
    """
    how, at = seen
    mine = {"entry": number, "of": seals.target}
    found = connection.execute(_SELECT, mine).mappings().first()
    if found is None:
        raise StateError(f"the journal has no entry {number}")
    intact = seals.hold(entries, found)
    if found["status"] in CLOSED:
        raise StateError(f"entry {number} is settled already: {found['status']}")
    row = dict(found) if intact else _mended(connection, seals, found, at)
    if settlement.status in GIVEN_BACK:
        connection.execute(_NO_MORE, {"number": number})
        if intact:
            charge(connection, seals, -row["charged"])
            row["charged"] = 0
    row |= {"status": settlement.status, "reason": kept(settlement.reason), "how": kept(how), "settled_at": float(at)}
    sealed = seals.sealed(entries, row)
    connection.execute(_UPDATE, ({name: sealed[name] for name in _SETTLED} if intact else sealed) | mine)
    apply_effects(connection, seals, settlement, at)


def entries_of(connection: Connection, seals: Seals, *, open_only: bool, limit: int) -> list[EntryRecord]:
    """The newest entries first. An entry that is damaged and doesn't read as closed counts as open."""
    query = select(entries).where(entries.c.target == seals.target).order_by(entries.c.id.desc()).limit(limit)
    if open_only:
        query = query.where(not_closed())
    return [record(seals, row) for row in connection.execute(query).mappings()]


def not_closed() -> ColumnElement[bool]:
    """Rows that wait for a settlement; so does one whose status is lost."""
    return or_(entries.c.status.not_in(CLOSED), entries.c.status.is_(None))


def seconds_on_its_way(
    connection: Connection, seals: Seals, now: float, deadline: float, vanished: float | None = None
) -> float:
    """Seconds from ``now`` until no request of a run that was cut short can have an effect any more; 0.0: none can.

    A request ends ``deadline`` seconds after it was begun at the latest. It was begun soon after its entry, or at
    ``vanished``, when a writer that was killed has sent anything for the last time (Unix seconds; None: none was).
    Where the clock was set back, nothing is certain but the deadline.
    """
    query = select(entries.c.at).where(entries.c.target == seals.target, entries.c.status == OPEN)
    begun = [at if isinstance(at, float) else now for at in connection.execute(query).scalars()]
    if not begun:
        return 0.0
    newest = max(begun) if vanished is None else max(*begun, vanished)
    return min(max(0.0, newest + deadline - now), deadline)


def proven(connection: Connection, seals: Seals) -> list[Row]:
    """The intact rows that count for something in the budget."""
    query = select(entries).where(entries.c.target == seals.target, entries.c.charged != 0)
    return [row for row in connection.execute(query).mappings() if seals.hold(entries, row)]


def _mended(connection: Connection, seals: Seals, found: Row, at: float) -> dict[str, Any]:
    # A damaged entry is settled as of now and takes over all that no intact entry accounts for,
    # so that it leaves the budget a day later and not a moment sooner.
    rest = charged(connection, seals) - sum(row["charged"] for row in proven(connection, seals))
    first = select(func.min(passes.c.id)).where(passes.c.target == seals.target)
    pass_id = connection.execute(first).scalar_one()
    return legible(found) | {"pass_id": pass_id, "charged": max(rest, 0), "at": float(at)}


def require_pass(connection: Connection, seals: Seals, pass_id: int) -> None:
    """Raises StateError when the target has no such pass."""
    if connection.execute(_PASS, {"number": pass_id, "of": seals.target}).first() is None:
        raise StateError(f"the state knows no pass {pass_id}")
