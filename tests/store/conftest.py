"""States to try things on: a file, and databases of a PostgreSQL that is started once for each worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server, running
from tests.store.given import KEYRING, State, sql, url_of


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def database(server: Server) -> str:
    """The URL of an empty database."""
    return server.database()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.ci)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> State:
    """No state yet, in each kind of database."""
    if request.param == "sqlite":
        path = tmp_path / "state.db"
        return State(url_of(path), None, lambda statement: sql(path, statement))
    server: Server = request.getfixturevalue("server")
    url = server.database()
    return State(url, KEYRING, lambda statement: server.sql(url, statement))
