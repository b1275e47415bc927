"""What was measured, as a table, as plots and as data."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.processes import ROOT

FOLDER = ROOT / "benchmarks"


@dataclass(frozen=True)
class Row:
    """One line of the table. ``met`` None: there is no goal, or it can't be judged by this run."""

    what: str
    ours: str
    against: str
    theirs: str
    ratio: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Line:
    """One line of a plot: (objects, what) points."""

    plot: str
    unit: str
    name: str
    points: Sequence[tuple[int, float]]


@dataclass
class Results:
    """Everything of one run of the benchmark."""

    mode: str
    rows: list[Row] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *rows: Row) -> None:
        """Take rows in."""
        self.rows += rows


def machine() -> dict[str, str]:
    """What the figures were taken on; nothing that names it."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"{os.getloadavg()[0]:.1f}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"CPU": model, "cores": str(usable), "Python": python, "system": platform.system(), "load before": load}


def write(results: Results, before: dict[str, str], peers: Path | None, folder: Path = FOLDER) -> None:
    """Write results.json, the plots, and RESULTS.md."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"mode": results.mode, "machine": before, **asdict(results)}
    (folder / "results.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    plots: list[str] = []
    if peers is not None and results.lines:
        command = [str(peers / "bin" / "python"), str(FOLDER / "plots.py"), str(folder / "results.json"), str(folder)]
        plots = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    (folder / "RESULTS.md").write_text(text(results, before, plots), encoding="utf-8")


def text(results: Results, before: dict[str, str], plots: Sequence[str]) -> str:
    """The page."""
    head = ["what", "ours", "against", "theirs", "ratio", "goal", "met"]
    lines = [
        "# What it takes",
        "",
        f"Written by `scripts/bench {results.mode}`: medians of processes that ran in turn. A ratio is the median of",
        "the ratios of neighbours in time, so it says more than seconds, which depend on what else the machine did.",
        "CPU is user and system time of the whole process, its start included.",
        "",
        "; ".join(f"{name}: {value}" for name, value in before.items()) + ".",
        "",
        f"| {' | '.join(head)} |",
        f"| {' | '.join('---' for _ in head)} |",
        *(f"| {' | '.join(_cells(row))} |" for row in results.rows),
        "",
        *(f"- {note}" for note in results.notes),
        *([""] if results.notes else []),
        *(f"![{Path(plot).stem}]({plot})" for plot in plots),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _cells(row: Row) -> list[str]:
    met = {True: "yes", False: "no", None: ""}[row.met]
    return [row.what, row.ours, row.against, row.theirs, row.ratio, row.goal, met]


def seconds(value: float) -> str:
    """Seconds of CPU for people."""
    return f"{value:.2f} s CPU"
