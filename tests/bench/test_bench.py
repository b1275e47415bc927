"""The small sizes of `scripts/bench`: how often we call, and how cost grows. Lines that are run are counted, and not
seconds, so that a busy machine makes no difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.applies import least_calls
from benchmarks.counted import lines_of
from benchmarks.objects import Mix
from benchmarks.plans import MOST_GROWTH, exponent
from benchmarks.stage import staged

pytestmark = pytest.mark.ci

SIZES = (10, 100, 1000)


@pytest.mark.parametrize("name", ["users", "workers"])
def test_a_plan_grows_as_its_objects_do_and_reads_each_list_once(tmp_path: Path, name: str):
    lines = {}
    for size in SIZES:
        with staged(tmp_path / str(size), Mix.of(name, size)) as stage:
            lines[size] = lines_of(stage, "plan", "tree")
            assert stage.control.counts()["methods"] == {"GET": len(stage.paths), "POST": 2}
    assert exponent(lines) <= MOST_GROWTH, lines


def test_an_apply_grows_as_its_objects_do_and_looks_no_more_often(tmp_path: Path):
    lines = {}
    for size in (5, 20, 80):
        with staged(tmp_path / str(size), Mix(users=size), empty=True) as stage:
            lines[size] = lines_of(stage, "apply", "tree", "--yes", "-o", "json")
            operations, sent = stage.control.counts()["operations"], stage.control.requests()
            times = [one["time"] for one in sent if one["operationId"] == "createUser"]
            assert operations == least_calls(size, max(times) - min(times))
    assert exponent(lines) <= MOST_GROWTH, lines


@pytest.mark.parametrize(
    ("cost", "slope"), [(lambda n: 50 + 3 * n, 1.0), (lambda n: 50 + n * n, 2.0), (lambda n: 50 + n**1.5, 1.5)]
)
def test_the_exponent_tells_growth(cost: Callable[[float], float], slope: float):
    assert exponent({size: cost(size) for size in (1, 1000, 10_000, 100_000)}) == pytest.approx(slope, abs=0.01)
