"""The time of an emulated system."""

from __future__ import annotations

import time


class Clock:
    """Seconds that never go back. `advance` makes hours pass at once, for rehearsals of what takes long."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Go ahead by `seconds`."""
        self._ahead += seconds
