"""SQLite with transactions of our own: Python's driver begins none by itself that IMMEDIATE and savepoints work with.

A listener to SQLAlchemy's event for it would do as well, but then each statement looks for listeners of its own, which
is a tenth of the work of writing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import PoolProxiedConnection

URL = "sqlite+begun://"


class Begun(SQLiteDialect_pysqlite):
    """Begins each transaction with the statement that the engine was made with (``begin``)."""

    supports_statement_cache = True

    def __init__(self, begin: str = "BEGIN", **given: Any) -> None:
        super().__init__(**given)
        self._begin = begin

    def do_begin(self, dbapi_connection: PoolProxiedConnection | DBAPIConnection) -> None:
        cursor = dbapi_connection.cursor()
        try:
            cursor.execute(self._begin)
        finally:
            cursor.close()


registry.register("sqlite.begun", __name__, Begun.__name__)
