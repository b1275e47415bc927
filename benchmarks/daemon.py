"""The daemon's figures: many targets, all converged, on real processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.processes import MIB, Running, Usage, running
from benchmarks.tree import OBJECTS

READS = 6
"""Requests of a pass that finds nothing to do: the collections that its objects need."""
SETTING_UP = 1800.0
ROUND = 600.0


@dataclass(frozen=True)
class Round:
    """One pass over every target: seconds, CPU seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Measured:
    """So many targets: their rounds, and what the process takes after them."""

    count: int
    rounds: tuple[Round, ...]
    after: Usage


def look_again(run: Running) -> Round:
    """Have every target looked at now, and wait until the last one was."""
    before, wanted = run.usage(), run.requests() + READS * run.count
    run.ask("POST", "/api/v1/reconcile")
    run.until_requests(wanted, ROUND)
    after = run.usage()
    return Round(after.at - before.at, after.cpu - before.cpu)


def many(folder: Path, count: int, rounds: int) -> Measured:
    """Set so many targets up, if the folder doesn't hold them already; begin anew, and measure rounds."""
    if not (folder / "state.db").exists():
        with running(folder, count, "--interval", "1h") as run:
            run.until_converged(SETTING_UP)
    with running(folder, count, "--interval", "1h") as run:
        run.until_converged(SETTING_UP)
        time.sleep(3)
        found = []
        for _ in range(rounds):
            found.append(look_again(run))
            time.sleep(1)
        assert run.told()["violations"] == 0
        return Measured(count, tuple(found), run.usage())


def idle(folder: Path, count: int, interval: float, rounds: int) -> tuple[float, float]:
    """The share of a core, and MiB, that so many converged targets take, looked at once an interval (seconds)."""
    with running(folder, count, "--interval", f"{interval:g}s") as run:
        run.until_converged(SETTING_UP)
        time.sleep(interval)
        before = run.usage()
        time.sleep(rounds * interval)
        after = run.usage()
        return (after.cpu - before.cpu) / (after.at - before.at), after.rss / MIB


@contextmanager
def kept(folder: Path | None) -> Iterator[Path]:
    """The folder that was named, or one that goes in the end."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        yield Path(name)


def report(few: Measured, many_: Measured, share: float, size: float, interval: float) -> str:
    """A table of the figures, and what they are to be."""
    wall = median(one.wall for one in many_.rounds)
    cpu = median(one.cpu for one in many_.rounds)
    growth = (many_.after.rss - few.after.rss) / (many_.count - few.count) / 1024
    rows = [
        (f"{few.count} targets, idle, every {interval:g} s: share of a core", f"{share:.1%}", "< 10 %"),
        (f"{few.count} targets, idle: resident memory", f"{size:.0f} MiB", "< 150 MiB"),
        (f"{many_.count} targets of {OBJECTS} objects: one round", f"{wall:.1f} s", "< 60 s"),
        ("the same, CPU time", f"{cpu:.1f} s ({1000 * cpu / many_.count:.1f} ms a pass)", ""),
        (f"{many_.count} targets: resident memory", f"{many_.after.rss / MIB:.0f} MiB", ""),
        ("memory for each target more", f"{growth:.0f} KiB", "< 100 KiB"),
        (f"{many_.count} targets: descriptors, threads", f"{many_.after.descriptors}, {many_.after.threads}", ""),
    ]
    lines = ["| figure | measured | wanted |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


@click.command("daemon")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Keep what was set up, to begin there."
)
@click.option("--few", default=100, show_default=True, help="Targets of the idle daemon.")
@click.option("--many", "most", default=1000, show_default=True, help="Targets of the full one.")
@click.option("--rounds", default=3, show_default=True, help="Rounds and intervals to measure.")
@click.option("--interval", default=60.0, show_default=True, help="Seconds between two looks of the idle daemon.")
def command(folder: Path | None, few: int, most: int, rounds: int, interval: float) -> None:
    """Idle with some targets; a round over many; memory for each."""
    with kept(folder) as base:
        small = many(base / f"few-{few}", few, rounds)
        share, size = idle(base / f"few-{few}", few, interval, rounds)
        large = many(base / f"many-{most}", most, rounds)
    click.echo(report(small, large, share, size, interval))
