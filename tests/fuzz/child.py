"""Runs many inputs of one area in a process of its own: a parser that ends the process ends only this one.

``python -m tests.fuzz.child AREA SEED FIRST COUNT`` runs the inputs FIRST … FIRST + COUNT - 1 of a seed, and one alone
(``COUNT`` 1) is shown. Each may take 2 s of CPU and 256 MiB beyond what the process has when it begins.
"""

from __future__ import annotations

import collections
import faulthandler
import importlib
import json
import resource
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Protocol

SECONDS = 2.0
MEMORY = 256 * 1024**2
MOST_FAILURES = 5


class Area(Protocol):
    """One kind of input. ``run`` gives a word on how it went, for the count; it raises what is wrong."""

    def make(self, chance: Random) -> Any:
        """One input."""

    def run(self, given: Any) -> str:
        """Feed the input in, and judge what happens."""


def area_of(name: str, folder: Path) -> Area:
    """The area of a module of this folder."""
    found: Area = importlib.import_module(f"tests.fuzz.{name}").Area(folder)
    return found


def nth(area: Area, seed: int, number: int) -> Any:
    """The input of a number, whatever ran before it."""
    if hasattr(area, "nth"):
        return area.nth(seed, number)
    for again in range(10):
        # Now and then one is nested deeper than it can be written by what makes it.
        with suppress(RecursionError):
            return area.make(Random(f"{seed}/{number}" + "+" * again))  # noqa: S311 - to be repeated, not to be secret
    raise AssertionError("nothing but inputs that are nested too deeply")


def limit() -> None:
    """Bound what the process may take from here on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)


def peak() -> int:
    """The most bytes that this process had in memory; what rusage tells may be of the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def batch(area: Area, seed: int, first: int, count: int, marker: Path) -> dict[str, Any]:
    """Run the inputs; the marker holds the number of the one under way."""
    tally: collections.Counter[str] = collections.Counter()
    failures: list[tuple[int, str]] = []
    slowest = (0.0, first)
    with marker.open("wb", buffering=0) as file:
        for number in range(first, first + count):
            file.seek(0)
            file.write(b"%12d" % number)
            given = nth(area, seed, number)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            began = time.process_time()
            try:
                tally[area.run(given)] += 1
            except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
                failures.append((number, traceback.format_exc()))
            slowest = max(slowest, (time.process_time() - began, number))
            signal.setitimer(signal.ITIMER_PROF, 0)
            if len(failures) == MOST_FAILURES:
                break
    return {"tally": tally, "failures": failures, "slowest": slowest, "memory": peak()}


def main() -> None:
    """Run a batch; what was found goes to standard output as JSON."""
    faulthandler.enable()
    name, seed, first, count = sys.argv[1], *map(int, sys.argv[2:5])
    with tempfile.TemporaryDirectory() as folder:
        area = area_of(name, Path(folder))
        if count == 1:
            sys.stderr.write(f"{nth(area, seed, first)!r}\n")
        limit()
        marker = Path(sys.argv[5]) if len(sys.argv) > 5 else Path(folder, "marker")
        found = batch(area, seed, first, count, marker)
    for number, failure in found["failures"]:
        sys.stderr.write(f"input {number}:\n{failure}\n")
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
