"""A state that an older program has made is taken over whole, or left as it was.

``version1.sql`` is such a state: the last program of version 1 made it, under the key that the tests use.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from reconciler.errors import StateError, StateUnusable
from reconciler.store import Store, Suspension, open_for_reading, restore
from reconciler.store.postgres.engine import locate
from reconciler.store.required import VERSION
from reconciler.store.schema import metadata
from tests.postgres import Server
from tests.store.given import KEYRING, NOW, URL, State, key_of, sql, url_of, user, with_store

VERSION1 = (Path(__file__).parent / "version1.sql").read_text()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION1)
    return path


@pytest.fixture
def old_state(state: State, server_of: Server | None) -> State:
    """Version 1 in either kind of database, PostgreSQL's in its own types."""
    found = [text.strip() for text in VERSION1.split(";\n")]
    kept = [text for text in found if re.match("CREATE TABLE (?!sqlite)|INSERT INTO (?!.sqlite)", text)]
    order = ["schema_version", "targets", "passes", "entries"]
    kept.sort(key=lambda text: (not text.startswith("CREATE"), *(name not in text.split("(")[0] for name in order)))
    for text in kept:
        state.run(text if server_of is None else in_postgres(text))
    return state


@pytest.fixture
def server_of(state: State, request: pytest.FixtureRequest) -> Server | None:
    return request.getfixturevalue("server") if state.url.startswith("postgresql") else None


def in_postgres(text: str) -> str:
    for pattern, replacement in (
        ("INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "BIGSERIAL PRIMARY KEY"),
        ("DOUBLE", "DOUBLE PRECISION"),
        ("(pass_id|entry) INTEGER", r"\1 BIGINT"),
        (r",0,0,'(\w+:)", r",false,false,'\1"),
    ):
        text = re.sub(pattern, replacement, text)
    return text


async def look(store: Store) -> None:
    """Everything of version 1 is there and sealed, and what version 2 brought works."""
    memory = store.memory(NOW)
    assert (set(memory.owned), set(memory.sent)) == ({key_of("alice")},) * 2
    assert [entry.objects for entry in memory.open] == [(key_of("bob"),)]
    assert memory.unfinished[key_of("bob")].fields == {"email": "bob@example.com"}
    assert (memory.spent, store.damaged) == (1, 0)
    assert store.refused_login("k:1") == NOW
    assert (store.suspension(NOW), store.approvals(NOW), store.quarantines()) == (None, (), ())
    await store.suspend(Suspension("ann", "freeze", NOW))
    assert store.suspension(NOW) is not None
    await store.resume()


def test_an_upgraded_schema_is_the_new_one(old_state: State, request: pytest.FixtureRequest):
    with_store(old_state, look, keyring=KEYRING)
    assert old_state.run("SELECT version FROM schema_version") == [(VERSION,)]
    assert differences(old_state.url) == []
    with_store(old_state, look, keyring=KEYRING)


def test_a_state_of_version_2_gets_its_index(tmp_path: Path):
    path = tmp_path / "state.db"
    with_store(path, lambda store: store.own(user("alice")))
    sql(path, "DROP INDEX ix_unfinished_identity")
    sql(path, "UPDATE schema_version SET version = 2")
    assert len(differences(url_of(path))) == 1
    with_store(path, lambda store: store.own(user("bob")))
    assert differences(url_of(path)) == []
    assert sql(path.with_name("state.db.v2"), "SELECT version FROM schema_version") == [(2,)]


def differences(url: str) -> list[object]:
    """In what a database isn't as a new one would be."""
    engine = create_engine(locate_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def locate_url(url: str) -> str:
    from sqlalchemy import make_url

    return url if url.startswith("sqlite") else locate(make_url(url)).render_as_string(hide_password=False)


def test_the_old_file_is_kept_beside_the_new_one(old: Path):
    before = dump(old)
    with_store(old, look, keyring=KEYRING)
    kept = old.with_name("state.db.v1")
    assert dump(kept) == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with_store(old, look, keyring=KEYRING)
    assert sorted(file.name for file in old.parent.iterdir()) == ["state.db", "state.db.lock", "state.db.v1"]


def test_an_old_state_can_be_read_as_it_is(old: Path):
    before = old.read_bytes()
    store = open_for_reading(url_of(old), "default", URL, KEYRING)
    assert store is not None
    assert (set(store.memory(NOW).owned), store.damaged) == ({key_of("alice")}, 0)
    assert (store.suspension(NOW), store.approvals(NOW), store.quarantines()) == (None, (), ())
    assert len(store.entries()) == 1
    asyncio.run(store.close())
    assert old.read_bytes() == before


def test_an_old_backup_is_taken_back(old: Path, tmp_path: Path):
    path = tmp_path / "other" / "state.db"
    path.parent.mkdir()
    restore(url_of(path), "default", URL, old, KEYRING)
    with_store(path, look, keyring=KEYRING)
    assert sql(old, "SELECT version FROM schema_version") == [(1,)]


def test_an_upgrade_that_fails_leaves_everything_as_it_was(old: Path):
    """Somebody has made a table of one of the new names: three of four could be made."""
    sql(old, "CREATE TABLE quarantines (x)")
    before = dump(old)
    with pytest.raises(StateError, match="quarantines"):
        Store.open(url_of(old), "default", URL, KEYRING, writable=True)
    assert dump(old) == before
    old.with_name("state.db.v1").unlink()
    old.with_name("state.db.v1").mkdir()
    with pytest.raises(StateUnusable):
        Store.open(url_of(old), "default", URL, KEYRING, writable=True)
    assert dump(old) == before


def test_alembic_is_loaded_only_for_an_upgrade(tmp_path: Path):
    script = """
import asyncio, sys
from reconciler.store import Store
asyncio.run(Store.open(sys.argv[1], "default", "https://x.example", writable=True).close())
print(sorted({name.split(".")[0] for name in sys.modules} & {"alembic", "psycopg"}))
"""
    command = [sys.executable, "-c", script, url_of(tmp_path / "state.db")]
    root = Path(__file__).parents[2]
    assert subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())
