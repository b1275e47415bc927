"""Maintenance windows, at their edges and across changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.windows import Window, closed, window_problems

SATURDAY = Window("0 2 * * 6", 4 * 3600, "Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-28T00:59:59", False),
        ("2026-11-28T01:00:00", True),
        ("2026-11-28T04:59:59", True),
        ("2026-11-28T05:00:00", False),
        ("2026-07-04T00:00:00", True),  # summer time
        ("2026-07-04T04:00:00", False),
    ],
)
def test_a_window_opens_and_closes_to_the_second(moment, opens):
    assert (SATURDAY.opened(at(moment)) is not None) is opens
    assert (closed([SATURDAY], at(moment)) is None) is opens


def test_a_window_lasts_as_long_as_it_says_when_clocks_change():
    night = Window("0 1 25 10 *", 3 * 3600, "Europe/Berlin")  # 2026-10-25: 3:00 becomes 2:00
    assert night.opened(at("2026-10-24T22:59:59")) is None
    assert night.opened(at("2026-10-25T01:59:59")) is not None
    assert night.opened(at("2026-10-25T02:00:00")) is None


def test_without_windows_nothing_waits():
    assert closed([], at("2026-11-28T00:00:00")) is None


def test_any_open_window_will_do_and_the_next_one_is_named():
    monday = Window("30 12 * * 1", 60)
    assert closed([SATURDAY, monday], at("2026-11-23T12:30:59")) is None
    assert closed([SATURDAY, monday], at("2026-11-23T12:31:00")) == (
        "no maintenance window is open; the next one opens at 2026-11-28 01:00 UTC"
    )


@pytest.mark.parametrize(
    ("schedule", "zone", "field"),
    [("0 2 * *", "UTC", "schedule"), ("61 * * * *", "UTC", "schedule"), ("0 2 * * 6", "Europe/Nowhere", "timezone")],
)
def test_what_is_no_window_is_told(schedule, zone, field):
    assert [name for name, _ in window_problems(schedule, zone)] == [field]
