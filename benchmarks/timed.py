"""Runs whole processes one after the other, in turn, and says what each took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.processes import MIB, ROOT

PYTHON = sys.executable
LAUNCHER = str(ROOT / "benchmarks" / "launch.py")


@dataclass(frozen=True)
class Run:
    """One process: CPU (user and system) and wall seconds, the most MiB that it held, what it said."""

    cpu: float
    wall: float
    peak: float
    out: str
    err: str


@dataclass(frozen=True)
class Job:
    """A command, where it runs, and what is added to its environment. ``prepare`` comes before, and isn't measured."""

    command: Sequence[str]
    cwd: Path = ROOT
    env: Mapping[str, str] | None = None
    prepare: Callable[[], None] = lambda: None

    def run(self) -> Run:
        """Run it; RuntimeError with its last words when it fails."""
        self.prepare()
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **(self.env or {})}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            command = [PYTHON, "-I", "-S", LAUNCHER, str(folder / "report"), *self.command]
            with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
                subprocess.run(command, cwd=self.cwd, env=environ, stdout=out, stderr=err, check=True)
            said, words = ((folder / one).read_text("utf-8", "replace") for one in ("out", "err"))
            cpu, wall, most, status = (folder / "report").read_text(encoding="utf-8").split()
        if int(status) != 0:
            what = " ".join(self.command)[:200]
            raise RuntimeError(f"{what} ended with {status}: {words[-2000:]}{said[-2000:]}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Run(float(cpu), float(wall), int(most) * unit / MIB, said, words)


@dataclass(frozen=True)
class Runs:
    """Several runs of one job."""

    runs: Sequence[Run]

    @property
    def cpu(self) -> float:
        return median(run.cpu for run in self.runs)

    @property
    def wall(self) -> float:
        return median(run.wall for run in self.runs)

    @property
    def peak(self) -> float:
        return median(run.peak for run in self.runs)

    @property
    def out(self) -> str:
        return self.runs[-1].out


def in_turn(jobs: Mapping[str, Job], rounds: int) -> dict[str, Runs]:
    """Each job once, and so on for so many rounds: what else the machine does meets all of them alike."""
    found: dict[str, list[Run]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            run = job.run()
            found[name].append(run)
            click.echo(f"  {name}: {run.cpu:.2f} s CPU, {run.wall:.2f} s, {run.peak:.0f} MiB", err=True)
    return {name: Runs(runs) for name, runs in found.items()}


def ratio(jobs: Mapping[str, Runs], one: str, other: str, what: str = "cpu") -> float:
    """The median of the rounds' ratios of one job to another: each round's two are neighbours in time."""
    pairs = zip(jobs[one].runs, jobs[other].runs, strict=True)
    return median(float(getattr(mine, what)) / max(float(getattr(theirs, what)), 1e-9) for mine, theirs in pairs)
