"""The command line under a count of the lines of Python that it runs: the same work gives the same number, on any
machine and under any load. What it can't see is one call of C that takes longer the more it is given.

Started by itself: `python -m benchmarks.counted FILE plan tree …`; writes the number into FILE.
"""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import count
from pathlib import Path
from threading import settrace
from types import FrameType
from typing import Any

from benchmarks.stage import Stage
from benchmarks.timed import PYTHON, Job
from reconciler.cli.start import main

LOADED = ("cli.apply", "cli.plan", "opening", "reconcile", "systems.metadefender", "trees")
"""What every run imports, and what isn't to be counted."""


def lines_of(stage: Stage, *arguments: str) -> int:
    """How many lines our command runs on a stage; RuntimeError when it fails."""
    file = stage.folder / "lines"
    Job([PYTHON, "-m", "benchmarks.counted", str(file), *arguments], stage.folder, stage.env).run()
    return int(file.read_text(encoding="utf-8"))


def _counted(file: Path) -> None:
    numbers = count()

    def each(frame: FrameType, event: str, argument: object) -> Any:
        next(numbers)
        return each

    for name in LOADED:
        import_module(f"reconciler.{name}")
    settrace(each)  # of the threads to come
    sys.settrace(each)
    try:
        main()
    finally:
        sys.settrace(None)
        file.write_text(str(next(numbers)), encoding="utf-8")


if __name__ == "__main__":
    place = Path(sys.argv.pop(1))
    _counted(place)
