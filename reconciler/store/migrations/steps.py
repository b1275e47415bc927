"""Runs what lies between two versions, in the caller's transaction, with Alembic's operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, update

from reconciler.store.migrations import version2, version3
from reconciler.store.required import VERSION
from reconciler.store.schema import metadata, schema_version

STEPS: Mapping[int, Callable[[Operations], None]] = {2: version2.upgrade, 3: version3.upgrade}
"""The version that is reached → how, from the one before it."""


def run(connection: Connection, version: int) -> None:
    """Upgrade from ``version`` to the newest one; the caller commits, or rolls back all of it."""
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
    operations = Operations(context)
    for number in range(version + 1, VERSION + 1):
        STEPS[number](operations)
    connection.execute(update(schema_version).values(version=VERSION))
