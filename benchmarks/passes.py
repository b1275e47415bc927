"""Where the time and the memory of converged passes go, within one process: for whoever makes them quicker.

    python -m benchmarks.passes FOLDER COUNT ROUNDS [cpu|memory]

FOLDER holds what `scripts/bench daemon --folder FOLDER` has left behind.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import pstats
import sys
import time
import tracemalloc
from pathlib import Path

import click

from benchmarks.processes import serving
from reconciler.daemon.daemon import Daemon
from reconciler.daemon.running import Wanted, assemble
from reconciler.daemon.settings import Flags
from reconciler.policy import Policy
from reconciler.settings import Where
from reconciler.telemetry import Redactor, configure

SHOWN = 45


async def rounds(daemon: Daemon, count: int) -> float:
    """Pass after pass over every target; gives CPU seconds a pass."""
    started = time.process_time()
    for _ in range(count):
        for loop in daemon.loops.values():
            await loop._turn()  # noqa: SLF001 - it is what is looked at
            await loop.holding.rest()
    return (time.process_time() - started) / count / len(daemon.loops)


async def main(count: int, what: str) -> None:
    """Measure in the current folder."""
    configure(sys.stderr, debug=False, redactor=Redactor())
    if what == "memory":
        tracemalloc.start(12)
        before = tracemalloc.take_snapshot()
    flags = Flags(path="tree", interval=3600.0)
    daemon, _, _ = assemble(Wanted(flags, Where(config="reconciler.yaml"), Policy(), None), Redactor())
    await daemon.trees.look()
    click.echo(f"first: {await rounds(daemon, 1) * 1000:.2f} ms CPU a pass")
    if what == "memory":
        gc.collect()
        for one in tracemalloc.take_snapshot().compare_to(before, "lineno")[:SHOWN]:
            click.echo(f"{one.size_diff / len(daemon.loops) / 1024:8.2f} KiB a target  {one.traceback}")
    else:
        profile = cProfile.Profile(time.thread_time)
        if what == "cpu":
            profile.enable()
        cost = await rounds(daemon, count)
        profile.disable()
        click.echo(f"then: {cost * 1000:.2f} ms CPU a pass")
        if what == "cpu":
            pstats.Stats(profile).sort_stats("tottime").print_stats(SHOWN).sort_stats("cumtime").print_stats(2 * SHOWN)
    await daemon.close()


if __name__ == "__main__":
    folder, number = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    with serving(folder, number):
        os.chdir(folder)
        asyncio.run(main(int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else ""))
