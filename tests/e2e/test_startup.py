"""What each command loads, in a Python of its own: most of what a short command takes is that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.e2e.kit import Desk

SERVER = {"alembic", "jinja2", "prometheus_client", "starlette", "structlog", "uvicorn", "watchfiles"}
SCREEN = {"pygments", "rich"}
DATABASE = {"psycopg", "sqlalchemy"}
NETWORK = {"anyio", "asyncio", "httpx"}
DEEP = {"deepdiff"}
TOLD = """
import sys, reconciler.__main__
try:
    reconciler.__main__.main()
finally:
    print(*{name.split(".")[0] for name, module in sys.modules.items() if module}, file=sys.stderr)
"""


def loaded(desk: Desk, *args: str) -> set[str]:
    """The top-level packages that a command has loaded when it is done."""
    command = [sys.executable, "-c", TOLD, *args]
    env = {**os.environ, **desk.env}
    done = subprocess.run(command, cwd=desk.folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def test_version_needs_nothing(desk: Desk):
    found = loaded(desk, "version")
    assert "reconciler" in found
    assert not found & {"click", "pydantic", "typing", "yaml", *NETWORK, *DATABASE, *SERVER, *SCREEN, *DEEP}


def test_the_version_told_at_once_is_the_usual_one(desk: Desk):
    assert desk.run("version").out == desk.run("--debug", "version").out != ""


def test_validate_needs_no_network_and_no_database(example: Desk):
    found = loaded(example, "validate", "desired-state")
    assert "pydantic" in found
    assert not found & {*NETWORK, *DATABASE, *SERVER, *SCREEN, *DEEP}


@pytest.mark.parametrize("command", ["plan", pytest.param("apply", marks=pytest.mark.ci)])
def test_a_pass_needs_neither_servers_nor_migrations(converged: Desk, command: str):
    flags = ["--yes"] if command == "apply" else []
    found = loaded(converged, command, "desired-state", "-o", "json", *flags)
    assert "httpx" in found
    assert found & {"sqlalchemy"} == ({"sqlalchemy"} if command == "apply" else set())
    assert not found & {"psycopg", *SERVER, *SCREEN, *DEEP}
