"""The environment that the scripts make: from the locks alone, and for the demo without what only the tests need."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def made(clone: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["scripts/venv", *args], cwd=clone, capture_output=True, text=True, timeout=300, check=False)


def test_what_it_does_not_know_is_told(clone: Path) -> None:
    done = made(clone, "everything")
    assert (done.returncode, done.stderr) == (2, "usage: scripts/venv [run]\n")
    assert not (clone / ".venv").exists()


@pytest.mark.ci
def test_what_the_demo_needs_is_made_once_and_is_less(clone: Path) -> None:
    first = made(clone, "run")
    assert first.returncode == 0, first.stderr
    assert first.stderr.startswith("Making .venv with Python 3.")
    python = str(clone / ".venv/bin/python")
    shown = subprocess.run([clone / ".venv/bin/reconciler", "version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("reconciler ")
    assert subprocess.run([python, "-c", "import pytest"], capture_output=True, check=False).returncode == 1
    before = (clone / ".venv/made-from").stat().st_mtime_ns
    assert made(clone, "run").stderr == ""
    assert (clone / ".venv/made-from").stat().st_mtime_ns == before
