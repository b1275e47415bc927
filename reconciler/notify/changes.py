"""What is worth telling: an outcome that differs from the one that was told last."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from reconciler.notify.message import Message

GOOD = "converged"
PASSING = frozenset({"progressing", "suspended"})
"""Outcomes that are on the way to another one."""

LASTING = 900.0
"""Seconds after which a passing outcome is told like any other."""


class _Told(Struct):
    outcome: str | None = None
    passing: str | None = None
    since: float = 0.0


class Changes:
    """Remembers for each target what was told last. It is given the outcome of every pass.

    - The same outcome again is no news, whatever the revision or the error's words.
    - The first outcome since the start is told, unless it is ``converged``: a restart that changes nothing is no news,
      but what is wrong is told once more, as nobody knows whether it was.
    - ``progressing`` and ``suspended`` are told when they have lasted for a quarter of an hour. Until then they are
      looked through: converged, progressing, converged is no news; converged, progressing, failed is one change.
    """

    def __init__(self, lasting: float = LASTING, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasting = lasting
        self._clock = clock
        self._targets: dict[str, _Told] = {}

    def news(self, message: Message) -> Message | None:
        """The message with what was told before it, if it is worth telling; it then counts as told."""
        told = self._targets.setdefault(message.target, _Told())
        if message.outcome in PASSING and message.outcome != told.outcome and not self._lasts(told, message.outcome):
            return None
        told.passing = None
        before, told.outcome = told.outcome, message.outcome
        if message.outcome == before or (before is None and message.outcome == GOOD):
            return None
        return replace(message, before=before)

    def known(self, target: str, outcome: str) -> None:
        """Take this for told, as history says it was."""
        self._targets[target] = _Told(outcome)

    def forget(self, target: str) -> None:
        """The target is no longer configured."""
        self._targets.pop(target, None)

    def _lasts(self, told: _Told, outcome: str) -> bool:
        now = self._clock()
        if told.passing != outcome:
            told.passing, told.since = outcome, now
        return now - told.since >= self._lasting
