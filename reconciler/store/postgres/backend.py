"""PostgreSQL as a backend: the tables that it makes for us, and the leases in place of a lock."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, insert, inspect, text

from reconciler.errors import InputError, StateError, StateUnusable
from reconciler.secret import Keyring
from reconciler.store.backend import Backend, Reading, Writing
from reconciler.store.postgres.engine import explain, for_reading, locate, open_engine, passing, place_of
from reconciler.store.postgres.leases import Leases
from reconciler.store.required import VERSION
from reconciler.store.schema import metadata, schema_version
from reconciler.store.versions import upgrade, version_in

# Any number, as long as it stays: replicas that start together wait for the one that makes the tables.
_TURN = text("SELECT pg_advisory_xact_lock(7236453019)")


class Postgres(Backend):
    """A database of a server."""

    remote = True

    def __init__(self, url: URL) -> None:
        self.url = locate(url)
        self.place = place_of(self.url)

    @property
    def key(self) -> Hashable:
        return self.url

    def keyring(self, given: Keyring | None) -> Keyring:
        if given is None:
            raise StateUnusable(
                f"the state {self.place} needs the secret fingerprint-key: PostgreSQL has no place for a key file",
                remedy="Give all replicas the same one, of at least 32 random bytes.",
            )
        return given

    def read(self) -> Reading | None:
        engine = open_engine(self.url, pool=1)
        try:
            with self.reading(), engine.begin() as connection:
                there = inspect(connection).has_table(schema_version.name)
                version = version_in(connection, self.place) if there else None
        except BaseException:
            engine.dispose()
            raise
        if version is None:
            engine.dispose()
            return None
        return Reading(for_reading(engine), version)

    def write(self, keyring: Keyring | None, lock_timeout: float) -> Writing:
        self.keyring(keyring)
        engine = open_engine(self.url)
        try:
            with self.reading(), engine.begin() as connection:
                connection.execute(_TURN)
                self._prepare(connection)
        except BaseException:
            engine.dispose()
            raise
        leases = Leases(open_engine(self.url, pool=1), self)

        def close() -> None:
            leases.close()
            engine.dispose()

        return Writing(for_reading(engine), engine, lambda: None, leases.hold, close)

    def backup(self, engine: Engine, to_path: Path) -> None:
        raise InputError(
            f"the state {self.place} is backed up with PostgreSQL's own pg_dump, not with this command",
            remedy="Keep the secret fingerprint-key, too: without it nothing in the dump is believed.",
        )

    def restore(
        self,
        from_path: Path,
        wanted: tuple[str, str],
        keyring: Keyring | None,
        *,
        other_target: bool,
        lock_timeout: float,
    ) -> None:
        raise InputError(
            f"the state {self.place} is restored with PostgreSQL's own pg_restore from what pg_dump made, "
            "not with this command",
            remedy="Stop every replica first.",
        )

    def explain(self, error: Exception) -> StateError:
        return explain(self.place, self.url, error)

    def passing(self, error: Exception) -> bool:
        return passing(error)

    def _prepare(self, connection: Connection) -> None:
        tables = set(inspect(connection).get_table_names())
        if schema_version.name in tables:
            upgrade(connection, version_in(connection, self.place))
            return
        if tables & set(metadata.tables):
            raise StateUnusable(f"{self.place} holds tables of another program", remedy="Use a database of its own.")
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=VERSION))
