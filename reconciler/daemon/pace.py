"""When to look again: pure arithmetic over how the last passes ended."""

from __future__ import annotations

from random import Random

from msgspec import Struct

FIRST_RETRY = 5.0
JITTER = 0.1
PROGRESSING = 3.0
QUARANTINE_AFTER = 3
QUARANTINE_FIRST = 300.0
QUARANTINE_LONGEST = 3600.0


class Pace(Struct, frozen=True):
    """``interval`` seconds between passes that went well, ``longest`` between failing ones."""

    interval: float
    longest: float = 900.0

    def after_success(self, chance: Random) -> float:
        """The interval, a tenth more or less, so that many targets don't come in step."""
        return self.interval * chance.uniform(1 - JITTER, 1 + JITTER)

    def after_failures(self, failures: int, chance: Random) -> float:
        """Doubled with each failure in a row, from 5 s (or the interval, if that is less) up to ``longest``.

        At least half of it, the rest is chance.
        """
        base = min(FIRST_RETRY, self.interval)
        wait = min(self.longest, base * 2.0 ** min(failures - 1, 32))
        return wait * chance.uniform(0.5, 1.0)

    def while_progressing(self, looks: int) -> float:
        """What settles by itself is looked at soon, then ever later, until it is the interval."""
        return min(self.interval, PROGRESSING * 1.5 ** min(looks, 32))


def quarantine_seconds(failures: int) -> float:
    """How long an object is left alone after so many failures in a row; 0 below the third."""
    if failures < QUARANTINE_AFTER:
        return 0.0
    return min(QUARANTINE_LONGEST, QUARANTINE_FIRST * 2.0 ** min(failures - QUARANTINE_AFTER, 16))
