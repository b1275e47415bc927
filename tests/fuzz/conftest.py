"""The state of a real apply, made once for all workers that damage it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests.fuzz.damage import prepare


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory, homes: Path) -> Path:
    """A folder with ``state.db``, its key, and what else is needed to read it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "fuzzed-state"
    with (shared / "fuzzed-state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "facts.json").exists():
            folder.mkdir()
            prepare(folder)
    return folder
