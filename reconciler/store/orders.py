"""What people have ordered (to write nothing, to carry out one plan), and which objects are left alone for a while."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Row, Table, and_, delete, insert, select

from reconciler.model import Key
from reconciler.store.codec import dump, kept, load_identity
from reconciler.store.records import Approval, Quarantine, Suspension
from reconciler.store.schema import approvals, quarantines, suspensions
from reconciler.store.seals import Seals

DAMAGED = "the record of a suspension is damaged, so it counts as one; resume to go on"
"""The reason that a damaged suspension shows instead of its own."""


SKEW = 60.0
"""Seconds that clocks may differ by. What was approved later than that was approved by a clock that was wrong."""


def suspension(connection: Connection, seals: Seals, now: float) -> Suspension | None:
    """The suspension at ``now`` (Unix seconds). A damaged one holds: damage only ever lets us do less."""
    row = connection.execute(select(suspensions).where(suspensions.c.target == seals.target)).mappings().first()
    if row is None:
        return None
    if not seals.hold(suspensions, row):
        return Suspension("unknown", DAMAGED, now)
    found = Suspension(row["owner"], row["reason"], row["since"], row["until"])
    return None if found.until is not None and found.until <= now else found


def suspend(connection: Connection, seals: Seals, wanted: Suspension) -> None:
    """Write nothing to the target; an earlier suspension is replaced."""
    resume(connection, seals)
    until = None if wanted.until is None else float(wanted.until)
    row = {"owner": kept(wanted.owner), "reason": kept(wanted.reason), "since": float(wanted.since), "until": until}
    connection.execute(insert(suspensions).values(seals.sealed(suspensions, row)))


def resume(connection: Connection, seals: Seals) -> None:
    """End a suspension, damaged or not; without one nothing happens."""
    connection.execute(delete(suspensions).where(suspensions.c.target == seals.target))


def approvals_of(connection: Connection, seals: Seals, now: float) -> tuple[Approval, ...]:
    """The approvals that stand at ``now`` (Unix seconds), oldest first; a damaged one approves nothing."""
    found = (Approval(row.digest, row.by, row.at, row.until) for row in _intact(connection, seals, approvals))
    return tuple(
        sorted((one for one in found if one.at <= now + SKEW and one.until > now), key=lambda one: (one.at, one.digest))
    )


def approve(connection: Connection, seals: Seals, approval: Approval) -> None:
    """Note that a plan may be carried out; an earlier approval of it is replaced, one that has run out is dropped."""
    withdraw(connection, seals, approval.digest)
    over = and_(approvals.c.target == seals.target, approvals.c.until <= float(approval.at))
    connection.execute(delete(approvals).where(over))
    row = {"digest": approval.digest, "by": kept(approval.by), "at": float(approval.at), "until": float(approval.until)}
    connection.execute(insert(approvals).values(seals.sealed(approvals, row)))


def withdraw(connection: Connection, seals: Seals, digest: str) -> None:
    """The plan isn't approved any more, or is carried out; without an approval nothing happens."""
    connection.execute(delete(approvals).where(approvals.c.target == seals.target, approvals.c.digest == digest))


def quarantines_of(connection: Connection, seals: Seals) -> tuple[Quarantine, ...]:
    """The objects that failed, by kind and identity, also those whose time is over; a damaged row is passed over."""
    found = [
        Quarantine(row.kind, load_identity(row.identity), row.name, row.failures, row.until, row.error)
        for row in _intact(connection, seals, quarantines)
    ]
    return tuple(sorted(found, key=lambda one: one.key))


def quarantine(connection: Connection, seals: Seals, wanted: Quarantine) -> None:
    """Leave an object alone until its time has come; what was noted of it before is replaced."""
    unquarantine(connection, seals, wanted.key)
    row = {
        "kind": wanted.kind,
        "identity": dump(list(wanted.identity)),
        "name": wanted.name,
        "failures": wanted.failures,
        "until": float(wanted.until),
        "error": kept(wanted.error),
    }
    connection.execute(insert(quarantines).values(seals.sealed(quarantines, row)))


def unquarantine(connection: Connection, seals: Seals, key: Key) -> None:
    """The object went well, or is gone; without a quarantine nothing happens."""
    kind, identity = key
    mine = quarantines.c.target == seals.target
    this = and_(mine, quarantines.c.kind == kind, quarantines.c.identity == dump(list(identity)))
    connection.execute(delete(quarantines).where(this))


def _intact(connection: Connection, seals: Seals, table: Table) -> Iterator[Row[tuple[object, ...]]]:
    for row in connection.execute(select(table).where(table.c.target == seals.target)):
        if seals.hold(table, row._mapping):  # noqa: SLF001 - SQLAlchemy's public name for it
            yield row
