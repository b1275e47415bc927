"""A pass of the daemon after one of many files has changed, beside a full pass, in one process.

Started by itself: `python -m benchmarks.changes ROUNDS` in a stage's folder; prints JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click

from benchmarks.objects import Mix
from benchmarks.results import Results, Row, seconds
from benchmarks.stage import staged
from benchmarks.timed import PYTHON, Job
from reconciler.daemon.holding import Holding
from reconciler.load import Parsed
from reconciler.policy import Policy
from reconciler.reconcile import decide
from reconciler.settings import Where, claims, targets
from reconciler.store.facade import LEASE
from reconciler.trees import Loaded, load_shares, read_tree

MOST = 0.3
OBJECTS = 10


@dataclass(frozen=True)
class Pass:
    """CPU seconds for the tree and for all of it, files that were parsed, objects that are as desired."""

    loading: float
    cpu: float
    parsed: int
    unchanged: int


@dataclass
class Kept:
    """What a daemon keeps from pass to pass: what was parsed and checked, its state and its client."""

    parsed: Parsed = field(default_factory=Parsed)
    sound: dict[str, Loaded] = field(default_factory=dict)
    holding: Holding = field(default_factory=lambda: Holding("default", "benchmark", LEASE, lambda *_: None))


async def one_pass(kept: Kept) -> Pass:
    """What the daemon does once a tree has changed: read it, load what is new of it, look, plan."""
    parsed, sound = kept.parsed, kept.sound
    started, before = time.process_time(), parsed.read
    where = Where()
    chosen, everyone = targets(where, Policy()), claims(where)
    loaded = load_shares(read_tree("tree", everyone), chosen, everyone, parsed, sound)
    loading = time.process_time() - started
    sound |= {target.name: share for target, share in zip(chosen, loaded, strict=True)}
    case = await kept.holding.case(chosen[0], loaded[0])
    plan = (await decide(case)).plan
    await kept.holding.rest()
    return Pass(loading, time.process_time() - started, parsed.read - before, plan.unchanged)


def change(file: Path, number: int) -> None:
    """Another comment at the end: the file has to be read again, and says the same."""
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text.rstrip()}\n# {number}\n", encoding="utf-8")


def settle_down() -> None:
    """As the daemon does soon after a tree has come into force: what lives long is no garbage."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


async def run(rounds: int, file: Path) -> list[tuple[Pass, Pass]]:
    """A full pass and one after a change, in turn."""
    found = []
    for number in range(rounds + 1):
        kept = Kept()
        full = await one_pass(kept)
        settle_down()
        change(file, number)
        found.append((full, await one_pass(kept)))
        await kept.holding.close()
    return found[1:]  # in the first, there is what is done once in a process's life


def measure(results: Results, folder: Path, files: int, rounds: int) -> None:
    """In a process of its own."""
    click.echo(f"a pass after one file of {files} changed", err=True)
    with staged(folder, Mix.of("half", files * OBJECTS), per_file=OBJECTS) as stage:
        job = Job([PYTHON, "-m", "benchmarks.changes", str(rounds)], stage.folder, stage.env)
        passes = [tuple(Pass(**one) for one in pair) for pair in json.loads(job.run().out)]
    assert {one.unchanged for pair in passes for one in pair} == {files * OBJECTS}
    assert {pair[0].parsed for pair in passes} == {files}
    for part in ("loading", "cpu"):
        full, changed = (median(float(getattr(pair[at], part)) for pair in passes) for at in (0, 1))
        value = median(float(getattr(after, part)) / float(getattr(whole, part)) for whole, after in passes)
        what = "loading the tree" if part == "loading" else "a pass"
        row = Row(
            f"{what} after one file of {files:,} changed ({files * OBJECTS:,} objects)",
            f"{seconds(changed)}, {passes[0][1].parsed} file parsed",
            "the same in full",
            f"{seconds(full)}, {files:,} files parsed",
            f"{value:.2f} ×",
            f"≤ {MOST} ×" if part == "cpu" else "",
            value <= MOST and all(pair[1].parsed == 1 for pair in passes) if part == "cpu" else None,
        )
        results.add(row)


def main() -> None:
    """ROUNDS"""
    with suppress(BrokenPipeError):
        found = asyncio.run(run(int(sys.argv[1]), min(Path("tree").iterdir())))
        click.echo(json.dumps([[vars(one) for one in pair] for pair in found]))


if __name__ == "__main__":
    main()
