"""An apply that creates many users on a server that takes its time, beside bare httpx; and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from benchmarks.center import center
from benchmarks.objects import Mix, write_secrets, write_tree
from benchmarks.processes import ROOT
from benchmarks.results import Results, Row
from benchmarks.timed import PYTHON, Job, Run
from benchmarks.worlds import PASSWORD, USER
from reconciler.emulator.running import Control
from reconciler.execute.look import MAX_AGE

LATENCY = 20.0
AT_ONCE = 8
LEAST = 0.9


@dataclass(frozen=True)
class Applied:
    """One run: the process, its writes (a second, and seconds from the first to the last), requests by operation."""

    run: Run
    rate: float
    seconds: float
    operations: dict[str, int]


def measure(results: Results, folder: Path, count: int, rounds: int, many: int | None = None) -> None:
    """Both in turn, each time against an empty Control Center and with an empty state; and ours once of ``many``."""
    _lay_out(folder, count)
    ours, floor = [], []
    for number in range(rounds):
        click.echo(f"apply of {count} new users, {LATENCY:g} ms, round {number + 1}", err=True)
        ours.append(_once(folder, count, number, bare=False))
        floor.append(_once(folder, count, number, bare=True))
    value = median(mine.rate / theirs.rate for mine, theirs in zip(ours, floor, strict=True))
    results.add(
        Row(
            f"apply of {count:,} new users, {LATENCY:g} ms latency, {AT_ONCE} at once",
            f"{median(one.rate for one in ours):.0f} writes/s",
            "floor: bare httpx, as many at once",
            f"{median(one.rate for one in floor):.0f} writes/s",
            f"{value:.2f} of its rate",
            f"≥ {LEAST}",
            value >= LEAST,
        ),
        _whole(count, ours, floor),
        _calls(count, ours[-1]),
    )
    if many is not None:
        _lay_out(folder / "many", many)
        click.echo(f"apply of {many} new users, {LATENCY:g} ms", err=True)
        results.add(_grown(count, ours, many, _once(folder / "many", many, 0, bare=False)))


def _lay_out(folder: Path, count: int) -> None:
    write_tree(folder / "tree", Mix(users=count))
    write_secrets(folder / "secrets")


def _once(folder: Path, count: int, number: int, *, bare: bool) -> Applied:
    with center(Mix(), LATENCY) as control:
        job = _floor(control, count) if bare else _ours(folder, control, number)
        run = job.run()
        sent = control.requests()
        operations = control.counts()["operations"]
        assert control.violations() == []
        assert operations["createUser"] == count, operations
    times = [one["time"] for one in sent if one["operationId"] == "createUser"]
    taken = max(times) - min(times)
    rate = (len(times) - 1) / taken
    click.echo(f"  {'floor' if bare else 'ours'}: {rate:.0f} writes/s, {run.wall:.1f} s, {run.cpu:.1f} s CPU", err=True)
    return Applied(run, rate, taken, operations)


def _ours(folder: Path, control: Control, number: int) -> Job:
    env = {
        "RECONCILER_URL": control.url,
        "RECONCILER_USER": USER,
        "RECONCILER_PASSWORD": PASSWORD,
        "RECONCILER_SECRETS_DIR": str(folder / "secrets"),
        "RECONCILER_STATE": f"sqlite:///{folder / f'apply-{number}.db'}",
    }
    command = [PYTHON, "-m", "reconciler", "apply", "tree", "--yes", "-o", "json", "--parallelism", str(AT_ONCE)]
    return Job(command, folder, env)


def _floor(control: Control, count: int) -> Job:
    script = str(ROOT / "benchmarks" / "floor_apply.py")
    return Job([PYTHON, script, control.url, USER, PASSWORD, str(count), str(AT_ONCE)])


def _whole(count: int, ours: list[Applied], floor: list[Applied]) -> Row:
    mine, theirs = (median(one.run.wall for one in runs) for runs in (ours, floor))
    value = median(a.run.wall / b.run.wall for a, b in zip(ours, floor, strict=True))
    what = f"the same apply of {count:,}, the whole process from start to end (wall)"
    return Row(what, f"{mine:.1f} s", "floor: as above", f"{theirs:.1f} s", f"{value:.2f} ×")


def _grown(count: int, few: list[Applied], many: int, applied: Applied) -> Row:
    before = median(one.rate for one in few)
    ratio = f"{applied.rate / before:.2f} of its rate"
    return Row(
        f"the same apply of {many:,}", f"{applied.rate:.0f} writes/s", f"of {count:,}", f"{before:.0f} writes/s", ratio
    )


def least_calls(count: int, seconds: float) -> dict[str, int]:
    """What creating users takes: each is seen to be missing twice, by the plan and by its wave, whose look is renewed
    every ten seconds; and as a create's answer holds no id, one list of users at the end tells all ids."""
    lists = 2 + int(seconds / MAX_AGE)
    looks = {"listUsers": lists + 1, "listRoles": lists, "listUserDirectories": lists}
    return {"createUser": count, **looks, "login": 1, "logout": 1}


def _calls(count: int, applied: Applied) -> Row:
    operations, least = applied.operations, least_calls(count, applied.seconds)
    return Row(
        f"API calls of the apply of {count:,} new users ({applied.seconds:.0f} s of writes)",
        _shown(operations),
        "its writes; lists for the plan and the wave (anew every 10 s), one for the ids",
        _shown(least),
        f"{sum(operations.values()) / sum(least.values()):.3f} ×",
        "equal",
        operations == least,
    )


def _shown(operations: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(operations.items()))
