"""What a state has to be so that it is used, told from its rows alone, whichever way they were read."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import StateUnusable
from reconciler.secret import Keyring
from reconciler.store.place import RESTORE, Place
from reconciler.store.seals import Row, Seals

VERSION = 3
"""The schema's version; an older state is upgraded (``migrations``), a newer one refused."""

DAY = 86_400.0


def not_ours(place: Place) -> StateUnusable:
    """The error for a database that holds something else."""
    return StateUnusable(f"{place} is not a state of this program", remedy="Name another one.")


def require_version(found: Sequence[object], place: Place) -> int:
    """The schema's version, 1 to ``VERSION``, from all rows that tell it. Raises StateUnusable for any other."""
    version = found[0] if len(found) == 1 else None
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise StateUnusable(
            f"{place} has schema version {'unknown' if version is None else version}, "
            f"this program works with {VERSION}",
            remedy="Use the version of the program that made it, or restore a backup.",
        )
    return version


def require_target(row: Row, place: Place, name: str, url: str, keyring: Keyring) -> Seals:
    """The seals of a target, from its row.

    Raises StateUnusable when the row is damaged, sealed with a key that isn't here, or of another URL.
    """
    seals = Seals(keyring, name, str(row["lineage"]))
    if not seals.known(row["seal"]):
        raise StateUnusable(
            f"{place} was sealed with a key that isn't here",
            remedy="Put its key file back, or list the former fingerprint-key after the new one.",
        )
    if not seals.holds("targets", row):
        raise place.damaged()
    if row["url"].rstrip("/") != url.rstrip("/"):
        raise StateUnusable(
            f"in {place}, the target {name} is {row['url']}, and not {url}",
            remedy="Use another state (--state): what we own on one server isn't ours on another.",
        )
    return seals


def require_own(row: Row | None, seals: Seals) -> Row:
    """The target's own row. Raises StateUnusable when it is damaged or gone."""
    if row is None or not seals.holds("targets", row):
        raise StateUnusable(f"the state's row of the target {seals.target} is damaged", remedy=RESTORE)
    return row
