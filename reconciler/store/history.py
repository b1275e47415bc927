"""The passes: when each began, what it was made from, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from reconciler.errors import StateError
from reconciler.store.codec import dump
from reconciler.store.records import ORDERED, PassRecord, PassStart
from reconciler.store.schema import entries, passes
from reconciler.store.seals import Seals

KEPT = 10_000
"""How many of the newest passes are kept; older ones only when the journal has entries of theirs."""


def begin_pass(connection: Connection, seals: Seals, start: PassStart) -> int:
    """Note that a pass begins; gives its number. Old passes that wrote nothing are dropped."""
    row = {
        "target": seals.target,
        "at": float(start.at),
        "mode": start.mode,
        "revision": start.revision,
        "digest": start.digest,
        "summary": "{}",
        "outcomes": "[]",
    }
    made = connection.execute(insert(passes).values(row)).inserted_primary_key
    _thin_out(connection, seals)
    return int(made[0]) if made else 0


class PassEnd(Struct, frozen=True):
    """How a pass ended; ``at`` in Unix seconds."""

    at: float
    verdict: str
    summary: Mapping[str, Any]
    outcomes: tuple[Mapping[str, Any], ...]


def end_pass(connection: Connection, seals: Seals, pass_id: int, end: PassEnd) -> None:
    """Note how a pass ended. Raises StateError when there is no such pass."""
    values: dict[str, Any] = {"ended": float(end.at), "verdict": end.verdict}
    values |= {"summary": dump(dict(end.summary)), "outcomes": dump([dict(outcome) for outcome in end.outcomes])}
    mine = (passes.c.id == pass_id) & (passes.c.target == seals.target)
    if connection.execute(update(passes).where(mine).values(values)).rowcount != 1:
        raise StateError(f"the state knows no pass {pass_id}")


def passes_of(connection: Connection, seals: Seals, limit: int) -> list[PassRecord]:
    """The newest passes, newest first."""
    query = select(passes).where(passes.c.target == seals.target).order_by(passes.c.id.desc()).limit(limit)
    return [
        PassRecord(
            id=row.id,
            start=PassStart(row.at, row.mode, row.revision, row.digest),
            ended=row.ended,
            verdict=row.verdict,
            summary=json.loads(row.summary),
            outcomes=tuple(json.loads(row.outcomes)),
        )
        for row in connection.execute(query)
    ]


def orders_since(connection: Connection, number: int) -> tuple[int, list[tuple[str, str]]]:
    """What was ordered of any target after the pass ``number``: the newest number, and (target, mode) of each."""
    query = select(passes.c.id, passes.c.target, passes.c.mode)
    new = query.where(passes.c.verdict == ORDERED, passes.c.id > number).order_by(passes.c.id)
    rows = connection.execute(new).all()
    return (rows[-1].id if rows else number), [(row.target, row.mode) for row in rows]


def newest_pass(connection: Connection) -> int:
    """The number of the newest pass of any target; 0: none."""
    return int(connection.execute(select(func.max(passes.c.id))).scalar() or 0)


def _thin_out(connection: Connection, seals: Seals) -> None:
    # By number and not by time: a clock that jumps must not cost the history.
    mine = passes.c.target == seals.target
    query = select(passes.c.id).where(mine).order_by(passes.c.id.desc()).offset(KEPT).limit(1)
    newest_old = connection.execute(query).scalar()
    if newest_old is not None:
        wrote = select(entries.c.pass_id).where(entries.c.pass_id <= newest_old).distinct()
        connection.execute(delete(passes).where(mine, passes.c.id <= newest_old, passes.c.id.not_in(wrote)))
