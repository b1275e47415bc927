"""Logins that were refused, by the fingerprint of their credentials, so that a crash loop can't lock an account."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from reconciler.store.schema import refused_logins
from reconciler.store.seals import Seals


def refused_at(connection: Connection, seals: Seals, fingerprint: str) -> float | None:
    """When the credentials were refused (Unix seconds); None when they weren't."""
    return connection.execute(select(refused_logins.c.at).where(_of(seals, fingerprint))).scalar()


def remember_refused(connection: Connection, seals: Seals, fingerprint: str, at: float) -> None:
    """Note when the credentials were refused last (Unix seconds)."""
    forget_refused(connection, seals, fingerprint)
    row = {"target": seals.target, "fingerprint": fingerprint, "at": float(at)}
    connection.execute(insert(refused_logins).values(row))


def forget_refused(connection: Connection, seals: Seals, fingerprint: str) -> None:
    """The credentials may be tried again."""
    connection.execute(delete(refused_logins).where(_of(seals, fingerprint)))


def _of(seals: Seals, fingerprint: str) -> ColumnElement[bool]:
    return and_(refused_logins.c.target == seals.target, refused_logins.c.fingerprint == fingerprint)
