"""The clock of leases."""

from __future__ import annotations

import time

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds that nobody can set, and that go on while the machine sleeps, unlike those of ``time.monotonic``."""
    return time.clock_gettime(_BOOT)
