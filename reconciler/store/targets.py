"""The row of a target: its lineage, its URL, and how much destruction has been charged to it.

``charged`` counts every destroyed object that hasn't been given back. What the journal can prove to be older than a
day is taken off it; the rest is spent. So a journal entry that is damaged or lost keeps counting.
"""

from __future__ import annotations

import time
import uuid

from sqlalchemy import Connection, insert, select, update

from reconciler.errors import StateUnusable
from reconciler.secret import Keyring
from reconciler.store.place import RESTORE, Place
from reconciler.store.schema import targets
from reconciler.store.seals import Row, Seals, renew

DAY = 86_400.0


def find_target(connection: Connection, place: Place, name: str, url: str, keyring: Keyring) -> Seals | None:
    """The seals of a target; None when the state has none of that name.

    Raises StateUnusable when its row is damaged, sealed with a key that isn't here, or of another URL.
    """
    row = connection.execute(select(targets).where(targets.c.name == name)).mappings().first()
    if row is None:
        return None
    seals = Seals(keyring, name, str(row["lineage"]))
    if not seals.known(row["seal"]):
        raise StateUnusable(
            f"{place} was sealed with a key that isn't here",
            remedy="Put its key file back, or list the former fingerprint-key after the new one.",
        )
    if not seals.hold(targets, row):
        raise place.damaged()
    if row["url"].rstrip("/") != url.rstrip("/"):
        raise StateUnusable(
            f"in {place}, the target {name} is {row['url']}, and not {url}",
            remedy="Use another state (--state): what we own on one server isn't ours on another.",
        )
    return seals


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
    row = connection.execute(select(targets).where(targets.c.name == seals.target)).mappings().first()
    if row is None or not seals.hold(targets, row):
        raise StateUnusable(f"the state's row of the target {seals.target} is damaged", remedy=RESTORE)
    return row
