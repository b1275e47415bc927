"""When to try again, and when to stop trying."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reconciler.api.errors_map import BrokenReply, safe
from reconciler.api.settings import Limits
from reconciler.errors import ApiError, ServerFault, Unreachable
from reconciler.wire import Request


def worth_another_try(request: Request, error: ApiError, *, login: bool) -> bool:
    """Reads for all that may pass; a login only where not a byte was sent; a write never."""
    if safe(request):
        return isinstance(error, Unreachable | BrokenReply | ServerFault)
    return login and isinstance(error, Unreachable)


def pause(tried: int, error: ApiError, limits: Limits) -> float:
    """Seconds before the next try: what the server asked for, else full jitter over a doubling range; capped."""
    asked = error.retry_after if isinstance(error, ServerFault) else None
    if asked is not None:
        return min(asked, limits.patience)
    most = min(limits.backoff * 2 ** (tried - 1), limits.patience)
    return random.uniform(0, most)  # noqa: S311 - it spreads load and guards nothing


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header in seconds, at least 0; None when absent or not understood.

    A date is held against the server's own ``Date`` where there is one, so that neither clock matters.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    until = _date(value)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("date", "")) or datetime.now(UTC))).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


class Breaker:
    """After several connections in a row that couldn't be made, fails requests at once until a while has passed.

    Then one failure is enough to start over; any answer closes it.
    """

    def __init__(self, failures: int, cooldown: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._cooldown = cooldown
        self._clock = clock
        self._failures = 0
        self._until = float("-inf")

    def check(self, where: str) -> None:
        """Raises Unreachable while it is open."""
        left = self._until - self._clock()
        if left > 0:
            raise Unreachable(
                f"{where} could not be reached {self._failures} times in a row, next try in {left:.0f} s; "
                "nothing was sent",
                remedy="check the url, the network and the server",
            )

    def failed(self) -> None:
        """A connection could not be made."""
        self._failures += 1
        if self._failures >= self._limit:
            self._until = self._clock() + self._cooldown

    def answered(self) -> None:
        """The server was there."""
        self._failures = 0
