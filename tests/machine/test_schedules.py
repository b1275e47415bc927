"""Random worlds, random faults, human edits and crashes: the invariants hold at every instant, and all calms down.

A tape of bytes drawn with ``@given`` (see ``schedules``) rather than a state machine: it is played at a tenth of the
price, and shrinks as well. ``test_steps`` walks as a state machine does. What was found once is kept in ``corpus``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.figures import play_many, times
from tests.machine.schedules import from_json, play, schedule_of

SHARDS = 40
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))


def holds(tape: bytes) -> None:
    world = play(schedule_of(tape))
    assert not world.violations(), world.story()


def test_the_invariants_hold() -> None:
    play_many(SHARDS, holds, times(200, 0) or 1)


@pytest.mark.ci
@pytest.mark.parametrize("number", range(SHARDS))
def test_the_invariants_hold_in_ten_thousand_schedules(number: int) -> None:
    play_many(number, holds, times(0, 10_000 // SHARDS))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_was_found_stays_mended(path: Path) -> None:
    world = play(from_json(path.read_text()))
    assert not world.violations(), world.story()


def test_a_schedule_is_kept_as_it_is() -> None:
    for number in range(50):
        schedule = schedule_of(bytes((number * 7 + place * 13) % 256 for place in range(160)))
        assert from_json(schedule.as_json()).as_json() == schedule.as_json()
