"""Bad input ends in a sentence with its place: never in a traceback, a dead interpreter, or a write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.shards import run_shard, shards

SHARDS = [
    *shards("trees", 1_500, 80_000, 10_000),
    *shards("configs", 500, 20_000, 7_000),
    *shards("replies", 1_000, 85_000, 10_000),
    *shards("acknowledged", 500, 15_000, 15_000),
    *shards("plans", 100, 4_000, 4_000),
    *shards("recordings", 100, 3_000, 3_000),
    *shards("bodies", 100, 3_000, 3_000),
]


@pytest.mark.parametrize(("area", "shard", "count"), SHARDS)
def test_bad_input_is_told(area: str, shard: int, count: int, tmp_path: Path) -> None:
    tally = run_shard(area, shard, count, tmp_path)
    assert len(tally) > 1, "all inputs went the same way"
