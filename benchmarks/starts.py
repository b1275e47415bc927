"""What a command takes that has next to nothing to do."""

from __future__ import annotations

from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.results import Results, Row
from benchmarks.timed import PYTHON, Job, in_turn, ratio

MOST, SLOWEST = 3.0, 0.5


def measure(results: Results, peers: Path | None, rounds: int) -> None:
    """`version` beside `python -c pass`, `validate` beside octoDNS's help."""
    example = str(ROOT / "examples" / "desired-state")
    jobs = {
        "python": Job([PYTHON, "-c", "pass"]),
        "version": Job([PYTHON, "-m", "reconciler", "version"]),
        "validate": Job([PYTHON, "-m", "reconciler", "validate", example]),
    }
    if peers is not None:
        jobs["octodns"] = Job([str(peers / "bin" / "octodns-validate"), "--help"])
    found = in_turn(jobs, rounds)
    value = ratio(found, "version", "python")
    results.add(
        Row(
            "cold start: `reconciler version`",
            _milliseconds(found["version"].cpu),
            "`python -c pass`",
            _milliseconds(found["python"].cpu),
            f"{value:.2f} ×",
            f"≤ {MOST:g} ×",
            value <= MOST,
        )
    )
    taken = found["validate"].cpu
    row = Row(
        "cold start: `validate` of the example", _milliseconds(taken), "", "", "", f"≤ {SLOWEST} s", taken <= SLOWEST
    )
    if peers is not None:
        value = ratio(found, "validate", "octodns")
        theirs = _milliseconds(found["octodns"].cpu)
        row = Row(row.what, row.ours, "`octodns-validate --help`", theirs, f"{value:.2f} ×", row.goal, row.met)
    results.add(row)


def _milliseconds(value: float) -> str:
    return f"{1000 * value:.0f} ms CPU"
