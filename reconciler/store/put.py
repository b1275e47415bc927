"""To write a row over the one that has its key, in one statement that SQLite and PostgreSQL both know."""

from __future__ import annotations

from sqlalchemy import Table, TextClause, text


def put(table: Table) -> TextClause:
    """A statement that takes every column by its name; the row that was there is gone with all that it held."""
    names = [column.name for column in table.c]
    keys = [column.name for column in table.primary_key.columns]
    rest = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    into = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(f":{name}" for name in names)
    found = ", ".join(f'"{name}"' for name in keys)
    return text(
        f'INSERT INTO "{table.name}" ({into}) VALUES ({values}) ON CONFLICT ({found}) DO UPDATE SET {rest}'  # noqa: S608
    )
