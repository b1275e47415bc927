"""When one target is to be looked at again, from how its passes ended so far."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from reconciler.daemon.pace import Pace
from reconciler.daemon.passing import ERROR, Passed
from reconciler.steps import Verdict
from reconciler.windows import Window, opening

CHECK_AFTER = 1.0
"""Seconds after which a pass that has written looks whether it took effect."""


@dataclass
class Pacing:
    """One target's; ``failures``: how many passes in a row have failed."""

    pace: Pace
    windows: Sequence[Window]
    failures: int = 0
    _looks: int = 0
    _chance: Random = field(default_factory=Random)

    def after(self, passed: Passed) -> float:
        """Count how this pass ended; gives the seconds until the next one."""
        failed = passed.verdict in (ERROR, Verdict.FAILED.value)
        self.failures = self.failures + 1 if failed else 0
        self._looks = self._looks + 1 if passed.verdict == Verdict.PROGRESSING.value else 0
        return min(self._wait(passed), self._until_due(passed))

    def _wait(self, passed: Passed) -> float:
        if self.failures:
            return self.pace.after_failures(self.failures, self._chance)
        if self._looks:
            return self.pace.while_progressing(self._looks - 1)
        if passed.report is not None:
            return min(CHECK_AFTER, self.pace.interval)
        return self.pace.after_success(self._chance)

    def _until_due(self, passed: Passed) -> float:
        """Seconds until what was put off may be done: a suspension ends, or a window opens."""
        due: list[float] = []
        if passed.suspension is not None and passed.suspension.until is not None:
            due.append(passed.suspension.until)
        if passed.window is not None:
            opens = opening(self.windows, datetime.now(UTC))
            due += [opens.timestamp()] if opens is not None else []
        return max(0.0, min(due) - time.time()) + 0.05 if due else math.inf
