"""A plan that finds nothing to do, over more and more objects, beside the floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from math import log
from pathlib import Path
from statistics import linear_regression

import click

from benchmarks.counted import lines_of
from benchmarks.objects import Mix
from benchmarks.results import Line, Results, Row, seconds
from benchmarks.stage import Stage, staged
from benchmarks.timed import Runs, in_turn, ratio

MIXES = ("users", "workers", "half")
WORDS = {"users": "users", "workers": "workers", "half": "half users, half workers"}
FEW = 10
"""What so few objects take is what the start takes; it is taken off before growth is told."""
JUDGED = 10_000
MOST, MOST_GROWTH, MOST_MEMORY = 1.5, 1.1, 2.0


def exponent(costs: Mapping[int, float]) -> float:
    """The slope of a straight line through log(cost) over log(objects), both less those of the fewest."""
    fewest = min(costs)
    points = [
        (log(size - fewest), log(max(cost - costs[fewest], 1e-6))) for size, cost in costs.items() if size != fewest
    ]
    xs, ys = zip(*points, strict=True)
    return linear_regression(xs, ys).slope


def measure(results: Results, folder: Path, sizes: Sequence[int], rounds: int) -> None:
    """Every mix in every size."""
    for name in MIXES:
        _mix(results, folder, name, sizes, rounds)


def _mix(results: Results, folder: Path, name: str, sizes: Sequence[int], rounds: int) -> None:
    click.echo(f"no-op plan, {WORDS[name]}", err=True)
    lines: dict[int, int] = {}
    with ExitStack() as stack:
        stages = {
            size: stack.enter_context(staged(folder / f"plan-{name}-{size}", Mix.of(name, size)))
            for size in (FEW, *sizes)
        }
        found = _in_turn(stages, rounds)
        for size, stage in stages.items():
            _checked(stage, found[size], rounds)
            if name == "half" and size <= JUDGED:
                lines[size] = lines_of(stage, "plan", "tree")
        kept = {size: _kept(stages[size], rounds) for size in sizes if name == "half" and size >= JUDGED}
    for size in sizes:
        results.add(_row(name, size, found[size]))
    results.add(*_growth(name, found))
    for job in ("ours", "floor"):
        what = f"{job}, {WORDS[name]}"
        results.lines.append(Line("No-op plan", "CPU seconds", what, [(n, one[job].cpu) for n, one in found.items()]))
        results.lines.append(Line("Memory of a plan", "MiB", what, [(n, one[job].peak) for n, one in found.items()]))
    if name == "half":
        results.add(*(_kept_row(size, runs) for size, runs in kept.items()))
        results.add(_counted_growth(lines))
        results.add(_memory(max(sizes), found[max(sizes)]), _calls(max(sizes)))


def _in_turn(stages: Mapping[int, Stage], rounds: int) -> dict[int, dict[str, Runs]]:
    """All sizes in each round: a machine that is slower for some minutes must not look like growth."""
    jobs = {f"{size:,}, ours": stage.ours("plan", "tree") for size, stage in stages.items()}
    jobs |= {f"{size:,}, floor": stage.floor() for size, stage in stages.items()}
    runs = in_turn(dict(sorted(jobs.items())), rounds)
    return {size: {job: runs[f"{size:,}, {job}"] for job in ("ours", "floor")} for size in stages}


def _kept(stage: Stage, rounds: int) -> dict[str, Runs]:
    """With and without what an earlier command has parsed; and what keeping it takes."""
    jobs = {
        "nothing kept": stage.ours("plan", "tree"),
        "keeps": stage.keeping("plan", "tree", anew=True),
        "kept": stage.keeping("plan", "tree"),
    }
    return in_turn(jobs, rounds)


def _kept_row(size: int, found: Mapping[str, Runs]) -> Row:
    value, price = ratio(found, "kept", "nothing kept"), ratio(found, "keeps", "nothing kept")
    return Row(
        f"no-op plan, {size:,} objects, {WORDS['half']}, parsed by an earlier command",
        seconds(found["kept"].cpu),
        "all parsed anew, nothing kept, as in the other rows",
        seconds(found["nothing kept"].cpu),
        f"{value:.2f} × (the one that keeps it: {price:.2f} ×)",
    )


def _growth(name: str, found: Mapping[int, Mapping[str, Runs]]) -> Iterator[Row]:
    """Of CPU only where so many objects are compared that noise makes no difference."""
    large = {size: one for size, one in found.items() if size == FEW or size >= JUDGED}
    if len(large) < 3:
        return
    ours, floor = (exponent({size: one[job].cpu for size, one in large.items()}) for job in ("ours", "floor"))
    what = f"its growth from {JUDGED:,} to {max(large):,} {WORDS[name]}: exponent of CPU"
    yield Row(what, f"{ours:.2f}", "floor", f"{floor:.2f}", "", f"≤ {MOST_GROWTH}", ours <= MOST_GROWTH)


def _counted_growth(lines: Mapping[int, int]) -> Row:
    value = exponent(lines)
    what = f"its growth from {FEW} to {max(lines):,} {WORDS['half']}: exponent of lines run"
    shown = ", ".join(f"{number:,}" for number in lines.values())
    return Row(what, f"{value:.2f} ({shown} lines)", "", "", "", f"≤ {MOST_GROWTH}", value <= MOST_GROWTH)


def _checked(stage: Stage, found: Mapping[str, Runs], rounds: int) -> None:
    """That it was a plan of everything with nothing to do, and that nobody asked for more than is needed."""
    count = stage.mix.count
    assert f"No changes. {count} objects are as desired." in found["ours"].out, found["ours"].out[:2000]
    assert found["floor"].out.startswith(f"{count} "), found["floor"].out
    methods = stage.control.counts()["methods"]
    # Each of the two logs in, reads and logs out.
    assert methods == {"GET": 2 * rounds * len(stage.paths), "POST": 2 * rounds * 2}, methods


def _row(name: str, size: int, found: Mapping[str, Runs]) -> Row:
    value = ratio(found, "ours", "floor")
    judged = size == JUDGED
    return Row(
        f"no-op plan, {size:,} objects, {WORDS[name]}",
        seconds(found["ours"].cpu),
        "floor: CSafeLoader, the same GETs with httpx, json.loads",
        seconds(found["floor"].cpu),
        f"{value:.2f} ×",
        f"≤ {MOST} ×" if judged else "",
        value <= MOST if judged else None,
    )


def _memory(size: int, found: Mapping[str, Runs]) -> Row:
    value = ratio(found, "ours", "floor", "peak")
    return Row(
        f"memory of a plan of {size:,} objects",
        f"{found['ours'].peak:.0f} MiB",
        "desired and live in plain dicts (the floor's process)",
        f"{found['floor'].peak:.0f} MiB",
        f"{value:.2f} ×",
        f"≤ {MOST_MEMORY:g} ×",
        value <= MOST_MEMORY,
    )


def _calls(size: int) -> Row:
    return Row(
        f"API calls of a no-op plan of {size:,} objects",
        "login, 4 GETs, logout",
        "one list of each collection that the kinds need",
        "login, 4 GETs, logout",
        "1 ×",
        "equal",
        met=True,  # otherwise the run had ended
    )
