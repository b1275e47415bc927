"""Which schema a database has, and the way from an older one to ours."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select

from reconciler.errors import StateUnusable
from reconciler.store.place import Place
from reconciler.store.schema import VERSION, schema_version


def version_in(connection: Connection, place: Place) -> int:
    """The schema's version, 1 to ``VERSION``. Raises StateUnusable for any other, and for no state of ours."""
    if not inspect(connection).has_table(schema_version.name):
        raise StateUnusable(f"{place} is not a state of this program", remedy="Name another one.")
    found = connection.execute(select(schema_version.c.version)).scalars().all()
    version: object = found[0] if len(found) == 1 else None
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise StateUnusable(
            f"{place} has schema version {'unknown' if version is None else version}, "
            f"this program works with {VERSION}",
            remedy="Use the version of the program that made it, or restore a backup.",
        )
    return version


def upgrade(connection: Connection, version: int) -> None:
    """Bring a database of an older version up to ours, within the caller's transaction."""
    if version < VERSION:
        # Alembic takes long to load, and is needed once in a state's life.
        from reconciler.store.migrations.steps import run  # noqa: PLC0415 - see above

        run(connection, version)
