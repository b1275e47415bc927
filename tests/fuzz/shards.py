"""Divides a figure among tests, gives each its seed, and tells how a failing input is had again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest
from hypothesis import settings

from tests.fuzz.child import MEMORY

ROOT = Path(__file__).parents[2]
SECONDS = 540
LONGER = 10
"""How many times as many inputs ``--long`` runs, and with seeds that nobody has tried."""


def long() -> bool:
    """Whether the most thorough profile is in force."""
    return settings.get_current_profile_name() == "long"


def shards(area: str, quick: int, ci: int, size: int) -> list[Any]:
    """Parameters (area, shard, count): ``quick`` inputs for every save, and so many that ``ci`` are run in CI."""
    rest = ci - quick
    count = -(-rest // size)
    found = [pytest.param(area, 0, quick, id=f"{area}-0")]
    for number in range(count):
        part = min(size, rest - number * size)
        found.append(pytest.param(area, number + 1, part, id=f"{area}-{number + 1}", marks=pytest.mark.ci))
    return found


def untraced() -> dict[str, str]:
    """The environment without what makes children measure coverage: here, speed counts."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def run_shard(area: str, shard: int, count: int, folder: Path) -> dict[str, int]:
    """Run a shard's inputs in a child; how many went which way."""
    if long():
        return run(area, SystemRandom().randrange(1000, 2**32), 0, count * LONGER, folder)
    return run(area, shard, 0, count, folder)


def run(area: str, seed: int, first: int, count: int, folder: Path, **env: str) -> dict[str, int]:
    """Run inputs in a child; how many went which way. Fails with the command that repeats the failure."""
    marker = folder / "marker"
    command = [sys.executable, "-m", "tests.fuzz.child", area, *map(str, (seed, first, count)), str(marker)]
    timeout = SECONDS * (LONGER if long() else 1)
    try:
        done = subprocess.run(
            command, cwd=ROOT, env={**untraced(), **env}, capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"an input hung: {again(area, seed, int(marker.read_bytes()))}")
    if done.returncode != 0:
        how = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit code {done.returncode}"
        under_way = again(area, seed, int(marker.read_bytes())) if marker.exists() else "before the first input"
        pytest.fail(f"the process ended with {how}: {under_way}\n{done.stderr.decode(errors='replace')}")
    found = json.loads(done.stdout)
    for number, failure in found["failures"]:
        sys.stdout.write(f"{again(area, seed, number)}\n{failure}\n")
    assert not found["failures"], again(area, seed, found["failures"][0][0])
    assert found["memory"] <= MEMORY, f"{found['memory'] // 1024**2} MiB, seed {seed}"
    tally: dict[str, int] = found["tally"]
    return tally


def again(area: str, seed: int, number: int) -> str:
    """The command that runs one input alone."""
    return f"python -m tests.fuzz.child {area} {seed} {number} 1"
