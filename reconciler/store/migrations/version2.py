"""Version 2: what the daemon remembers (suspensions, approvals, quarantines), and the leases of replicas.

A migration states its tables once more instead of taking them from ``schema``: that one goes on changing.
"""

from __future__ import annotations

from typing import Any

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, Text


def upgrade(operations: Operations) -> None:
    """From version 1."""
    operations.create_table(
        "leases",
        _target(),
        Column("holder", Text),
        Column("token", BigInteger, nullable=False),
        *_required("expires", "request_deadline", "settle_after"),
    )
    operations.create_table("replicas", Column("name", Text, primary_key=True), *_required("expires"))
    operations.create_table(
        "suspensions",
        _target(),
        *_texts("owner", "reason"),
        *_required("since"),
        Column("until", Double),
        *_texts("seal"),
    )
    operations.create_table(
        "approvals",
        _target(),
        Column("digest", Text, primary_key=True),
        *_texts("by"),
        *_required("at", "until"),
        *_texts("seal"),
    )
    operations.create_table(
        "quarantines",
        _target(),
        Column("kind", Text, primary_key=True),
        Column("identity", Text, primary_key=True),
        *_texts("name"),
        Column("failures", Integer, nullable=False),
        *_required("until"),
        *_texts("error", "seal"),
    )


def _target() -> Column[Any]:
    return Column("target", Text, ForeignKey("targets.name"), primary_key=True)


def _texts(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False) for name in names]


def _required(*names: str) -> list[Column[Any]]:
    return [Column(name, Double, nullable=False) for name in names]
