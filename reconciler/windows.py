"""Maintenance windows: each opens as a cron schedule says, in its own time zone, and stays open for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct


class Window(Struct, frozen=True):
    """``schedule`` has cron's five fields; ``duration`` is in seconds, of real time also when clocks change."""

    schedule: str
    duration: float
    timezone: str = "UTC"

    def opened(self, now: datetime) -> datetime | None:
        """When the window that is open at ``now`` opened; None when it is closed."""
        zone = ZoneInfo(self.timezone)
        # cron's steps are minutes, and the moment itself counts.
        last = next(CronSim(self.schedule, (now + timedelta(minutes=1)).astimezone(zone), reverse=True), None)
        while last is not None and last > now:
            last = next(CronSim(self.schedule, last, reverse=True), None)
        if last is None or now - last.astimezone(UTC) >= timedelta(seconds=self.duration):
            return None
        return last.astimezone(UTC)

    def opens(self, now: datetime) -> datetime | None:
        """When it opens next; None when it never does."""
        found = next(CronSim(self.schedule, now.astimezone(ZoneInfo(self.timezone))), None)
        return found.astimezone(UTC) if found is not None else None


def closed(windows: Iterable[Window], now: datetime) -> str | None:
    """Why what disturbs has to wait at ``now`` (with a time zone); None while a window is open, or without any."""
    listed = list(windows)
    if not listed or any(window.opened(now) for window in listed):
        return None
    coming = opening(listed, now)
    if coming is None:
        return "no maintenance window is open, and none ever will be"
    return f"no maintenance window is open; the next one opens at {coming:%Y-%m-%d %H:%M} UTC"


def opening(windows: Iterable[Window], now: datetime) -> datetime | None:
    """When the next window opens after ``now``; None when none ever does."""
    return min((at for window in windows if (at := window.opens(now)) is not None), default=None)


def window_problems(schedule: str, timezone: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a window: (field, one sentence)."""
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        yield "timezone", f"there is no time zone {timezone!r}; they are called as in Europe/Berlin"
    try:
        CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        yield "schedule", f"{schedule!r} is no cron schedule: give five fields, as in 0 2 * * 6"
