"""The state in memory and the real one on SQLite: the same schedules, crashes included, end alike and are remembered
alike."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from reconciler.memory import Memory
from tests.machine.figures import play_many, times
from tests.machine.schedules import Schedule, play, schedule_of
from tests.machine.server import SHARED
from tests.machine.sqlite import remembered
from tests.machine.world import KEYRING, World


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="alike-", dir=SHARED if SHARED.is_dir() else None) as made:
        yield Path(made)


def plain(memory: Memory) -> Memory:
    return replace(memory, lineage=None)


def both(schedule: Schedule, folder: Path) -> tuple[World, World, Path]:
    path = folder / "state.db"
    for one in folder.iterdir():
        one.unlink()
    # Both begin with nothing of their own: what is given as ours is put into the state in memory only.
    schedule = dataclasses.replace(schedule, ours=())
    return play(schedule), play(schedule, state=path), path


def alike(tape: bytes, folder: Path) -> None:
    first, second, path = both(schedule_of(tape), folder)
    assert [one.status for one in first.ended] == [one.status for one in second.ended]
    assert [one.points for one in first.ended] == [one.points for one in second.ended]
    now = first.clock.wall
    assert plain(first.book.memory(now)) == plain(remembered(path, KEYRING, now))


def test_both_states_are_alike(folder: Path) -> None:
    play_many(7, lambda tape: alike(tape, folder), times(10, 0) or 1)


@pytest.mark.ci
@pytest.mark.parametrize("number", range(2))
def test_both_states_are_alike_in_many_schedules(number: int, folder: Path) -> None:
    play_many(number, lambda tape: alike(tape, folder), times(0, 60))
