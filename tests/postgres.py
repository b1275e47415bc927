"""A real PostgreSQL, from the programs that the package ``pgserver`` brings: ours to start, pause and kill.

::

    @pytest.fixture(scope="session")
    def server() -> Iterator[Server]:
        with running() as server:
            yield server

``server.database()`` makes an empty database and gives its URL. The server is a child of the test's process, in a
folder of its own, reached through a socket in it: no port is taken.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

# What a test writes needs no protection from a power failure.
QUICK = ["fsync=off", "shared_buffers=16MB", "max_connections=60", "listen_addresses="]


class Server:
    """A server with its data in ``folder``; ``start`` begins it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "utf8", "--locale=C", "--no-sync")

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it answers."""
        settings = [word for setting in [*QUICK, f"unix_socket_directories={self.folder}"] for word in ("-c", setting)]
        command = [self._program("postgres"), "-D", str(self.folder / "data"), *settings]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self._owner())
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it at once; what was committed stays."""
        if self._process is not None:
            # Its immediate stop; SIGKILL would leave its children behind.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def database(self) -> str:
        """The URL of a new, empty database, as the state takes it."""
        name = f"db{next(self._numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name).replace("postgresql:", "postgresql+psycopg:")

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def sql(self, url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What someone else's tool would do to a database (by its name or its URL)."""
        found = self.url(url) if "://" not in url else url.replace("+psycopg", "")
        with psycopg.connect(found, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._program(program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._owner())

    def _program(self, name: str) -> str:
        found = importlib.util.find_spec("pgserver")
        assert found is not None
        assert found.origin is not None
        return str(Path(found.origin).parent / "pginstall" / "bin" / name)

    def _owner(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the context lasts; its folder goes with it."""
    # A socket's path must be short, which a test's own folder seldom is.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Server(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
