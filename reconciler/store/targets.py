"""The row of a target: its lineage, its URL, and how much destruction has been charged to it.

``charged`` counts every destroyed object that hasn't been given back. What the journal can prove to be older than a
day is taken off it; the rest is spent. So a journal entry that is damaged or lost keeps counting.
"""

from __future__ import annotations

import time
import uuid

from sqlalchemy import Connection, insert, select, update

from reconciler.secret import Keyring
from reconciler.store.place import Place
from reconciler.store.required import require_own, require_target
from reconciler.store.schema import targets
from reconciler.store.seals import Row, Seals, renew


def find_target(connection: Connection, place: Place, name: str, url: str, keyring: Keyring) -> Seals | None:
    """The seals of a target; None when the state has none of that name.

    Raises StateUnusable when its row is damaged, sealed with a key that isn't here, or of another URL.
    """
    row = connection.execute(select(targets).where(targets.c.name == name)).mappings().first()
    return None if row is None else require_target(row, place, name, url, keyring)


def make_target(connection: Connection, name: str, url: str, keyring: Keyring) -> Seals:
    """A new target that owns nothing, with a lineage of its own."""
    seals = Seals(keyring, name, str(uuid.uuid4()))
    row = {"name": name, "url": url, "lineage": seals.lineage, "made": time.time(), "charged": 0}
    connection.execute(insert(targets).values(seals.sealed(targets, row)))
    return seals


def renew_seals(connection: Connection, seals: Seals) -> None:
    """After a change of the first key: seal everything anew."""
    seal = connection.execute(select(targets.c.seal).where(targets.c.name == seals.target)).scalar_one()
    if not seal.startswith(Keyring.key_id(seals.keyring.keys[0])):
        renew(connection, seals)


def charged(connection: Connection, seals: Seals) -> int:
    """How many destroyed objects are charged to the target. Raises StateUnusable when its row is damaged."""
    return int(_own_row(connection, seals)["charged"])


def charge(connection: Connection, seals: Seals, count: int) -> None:
    """Count ``count`` destroyed objects more (negative: give them back)."""
    row = _own_row(connection, seals)
    total = row["charged"] + count
    seal = seals.sealed(targets, {**row, "charged": total})["seal"]
    connection.execute(update(targets).where(targets.c.name == seals.target).values(charged=total, seal=seal))


def _own_row(connection: Connection, seals: Seals) -> Row:
    return require_own(
        connection.execute(select(targets).where(targets.c.name == seals.target)).mappings().first(), seals
    )
