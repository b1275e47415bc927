"""What is ours, under which id, and what was last sent for what can't be read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, exists, select, update

from reconciler.memory import Owned
from reconciler.model import Key
from reconciler.store.codec import dump
from reconciler.store.put import put
from reconciler.store.records import CREATE, Settlement
from reconciler.store.schema import entries, owned, sent, unfinished
from reconciler.store.seals import Seals


def _of(table: Table) -> ColumnElement[bool]:
    names = ("target", "kind", "identity")
    return and_(*(table.c[name] == bindparam(f"of_{name}") for name in names))


# Made once: building a statement costs more than running it.
_OWN = put(owned)
_DISOWN = delete(owned).where(_of(owned))
_OWNED = select(owned).where(_of(owned))
_LEARN = update(owned).where(_of(owned))
_FINISH = delete(unfinished).where(_of(unfinished))
_REPLACED = _FINISH.where(~exists().where(entries.c.id == unfinished.c.entry, entries.c.action == CREATE))
_SEND = put(sent)
_UNSEND = delete(sent).where(_of(sent))


def own(connection: Connection, seals: Seals, thing: Owned) -> None:
    """Remember an object as ours, and any replacement of it as finished.

    What its create was sent with is kept until its id is known.
    """
    row = {
        "kind": thing.kind,
        "identity": dump(list(thing.identity)),
        "object_id": thing.id,
        "name": thing.name,
        "document": thing.document,
        "keep": bool(thing.keep),
        "adopted": bool(thing.adopted),
    }
    connection.execute(_OWN, seals.sealed(owned, row))
    connection.execute(_REPLACED if thing.id is None else _FINISH, _named(seals, thing.key))


def own_all(connection: Connection, seals: Seals, things: Iterable[Owned]) -> None:
    """The same of many."""
    for thing in things:
        own(connection, seals, thing)


def disown(connection: Connection, seals: Seals, key: Key) -> None:
    """Give ownership up; what was sent stays known, for the object may still be there."""
    connection.execute(_DISOWN, _named(seals, key))


def disown_all(connection: Connection, seals: Seals, keys: Iterable[Key]) -> None:
    """The same of many."""
    for key in keys:
        disown(connection, seals, key)


def forget(connection: Connection, seals: Seals, key: Key) -> None:
    """The object is gone: neither is it ours, nor does anything that was sent stand."""
    disown(connection, seals, key)
    connection.execute(_UNSEND, _named(seals, key))


def disown_unfinished(connection: Connection, seals: Seals, key: Key) -> None:
    """A replacement needs no finishing: its object is there, or isn't wanted any more."""
    connection.execute(_FINISH, _named(seals, key))


def remember_ids(connection: Connection, seals: Seals, ids: Mapping[Key, str]) -> None:
    """Note the ids of owned objects; objects that aren't ours (or whose row is damaged) are passed over."""
    for key, object_id in ids.items():
        row = connection.execute(_OWNED, _named(seals, key)).mappings().first()
        if row is None or row["object_id"] == object_id or not seals.hold(owned, row):
            continue
        seal = seals.sealed(owned, {**row, "object_id": object_id})["seal"]
        connection.execute(_LEARN, _named(seals, key) | {"object_id": object_id, "seal": seal})


def remember_sent(connection: Connection, seals: Seals, key: Key, fingerprints: Mapping[str, str], at: float) -> None:
    """Note the fingerprints of what was last sent, by path; other paths stay as they are."""
    kind, identity = key
    for path, fingerprint in fingerprints.items():
        row: dict[str, Any] = {"kind": kind, "identity": dump(list(identity)), "path": path}
        row |= {"fingerprint": fingerprint, "at": float(at)}
        connection.execute(_SEND, seals.sealed(sent, row))


def apply_effects(connection: Connection, seals: Seals, settlement: Settlement, at: float) -> None:
    """Everything that a settled write has changed in what we know."""
    for key in settlement.disown:
        forget(connection, seals, key)
    for thing in settlement.own:
        own(connection, seals, thing)
    remember_ids(connection, seals, settlement.ids)
    for key, fingerprints in settlement.sent.items():
        remember_sent(connection, seals, key, fingerprints, at)


def _named(seals: Seals, key: Key) -> dict[str, Any]:
    kind, identity = key
    return {"of_target": seals.target, "of_kind": kind, "of_identity": dump(list(identity))}
