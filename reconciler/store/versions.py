"""Which schema a database has, and the way from an older one to ours."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select

from reconciler.store.place import Place
from reconciler.store.required import VERSION, not_ours, require_version
from reconciler.store.schema import schema_version


def version_in(connection: Connection, place: Place) -> int:
    """The schema's version, 1 to ``VERSION``. Raises StateUnusable for any other, and for no state of ours."""
    if not inspect(connection).has_table(schema_version.name):
        raise not_ours(place)
    return require_version(connection.execute(select(schema_version.c.version)).scalars().all(), place)


def upgrade(connection: Connection, version: int) -> None:
    """Bring a database of an older version up to ours, within the caller's transaction."""
    if version < VERSION:
        # Alembic takes long to load, and is needed once in a state's life.
        from reconciler.store.migrations.steps import run  # noqa: PLC0415 - see above

        run(connection, version)
