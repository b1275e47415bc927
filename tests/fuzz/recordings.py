"""Recordings of a live state that are almost right, or not at all, through ``reconciler plan --offline``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

from tests.fuzz.bytewise import mangled
from tests.fuzz.json_noise import noisy
from tests.fuzz.told import call, judge

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "recorded"
TREE = str(ROOT / "examples" / "desired-state")


class Area:
    """One recording, spoilt, beside the example's documents."""

    def __init__(self, folder: Path) -> None:
        os.chdir(folder)
        for name in [name for name in os.environ if name.startswith("RECONCILER_")]:
            del os.environ[name]
        self._data = (RECORDED / "live.json").read_bytes()

    def make(self, chance: Random) -> bytes:
        """One recording."""
        if chance.random() < 0.7:
            return noisy(json.loads(self._data), chance)
        return mangled(self._data, [self._data], chance)

    def run(self, given: bytes) -> str:
        """Plan with it."""
        Path("live.json").write_bytes(given)
        said = call("plan", TREE, "--offline", "live.json", "-o", "json")
        judge(said, blocked=True)
        if said.code == 1:
            return "refused"
        assert json.loads(said.out)["kind"] == "Plan"
        return f"planned, {said.code}"
