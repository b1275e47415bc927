"""Saved plans that are almost right, or not at all, where they are read back to be applied or shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

from reconciler.cli.saved import saved_plans
from reconciler.errors import InputError
from reconciler.render import render_plan
from reconciler.render.saved import plan_of
from tests.fuzz.bytewise import mangled
from tests.fuzz.json_noise import noisy
from tests.fuzz.told import judge_words

RECORDED = Path(__file__).parent / "recorded"
FORMATS = ("text", "markdown", "html")


class Area:
    """One plan file, spoilt."""

    def __init__(self, folder: Path) -> None:
        os.chdir(folder)
        self._data = (RECORDED / "plan.json").read_bytes()

    def make(self, chance: Random) -> bytes:
        """One plan file."""
        if chance.random() < 0.7:
            return noisy(json.loads(self._data), chance)
        return mangled(self._data, [self._data], chance)

    def run(self, given: bytes) -> str:
        """Read it; what is read can be shown."""
        Path("plan.json").write_bytes(given)
        try:
            found = saved_plans("plan.json")
        except InputError as error:
            judge_words("plan.json" in error.message)
            judge_words(error.message.isprintable())
            return "refused"
        for plan in found.values():
            assert isinstance(plan["digest"], str)
            assert render_plan(plan_of(plan), FORMATS[len(given) % 3])  # type: ignore[arg-type]
        return "read"
