"""Bounds on what callers may take: so many a minute, so many at once."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from reconciler.web.problems import Refusal

log = structlog.get_logger("reconciler.web")

Clock = Callable[[], float]


class Bucket:
    """A token bucket: ``per_minute`` at once when it is full, and as many again in each minute."""

    def __init__(self, per_minute: int, clock: Clock = time.monotonic) -> None:
        self._most = float(per_minute)
        self._left = self._most
        self._clock = clock
        self._at = clock()

    def take(self) -> float:
        """Take one: 0 when it was there, else the seconds until there will be one (60 where there never is)."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._most / 60)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) * 60 / self._most if self._most else 60.0


class Rates:
    """A bucket for each caller; callers are as many as there are tokens."""

    def __init__(self, per_minute: int, clock: Clock = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def enter(self, name: str) -> None:
        """Count a request of this caller. Raises a 429."""
        bucket = self._buckets.get(name) or self._buckets.setdefault(name, Bucket(self._per_minute, self._clock))
        if wait := bucket.take():
            seconds = math.ceil(wait)
            detail = f"more than {self._per_minute} requests of this kind a minute; try again in {seconds} s"
            raise Refusal(429, detail, headers={"Retry-After": str(seconds)})


class Guesses:
    """Wrong tokens, counted by the address that they come from: more than ``PER_MINUTE`` are told 429 in place of 401.

    A right token is never asked about here, so whoever has one is served, also from the same address (an ingress's).
    """

    PER_MINUTE = 30
    ADDRESSES = 1000

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._told: dict[str, float] = {}

    def wrong(self, address: str) -> None:
        """Count one. Raises a 429, and logs the first one in a minute."""
        bucket = self._buckets.pop(address, None) or Bucket(self.PER_MINUTE, self._clock)
        self._buckets[address] = bucket
        while len(self._buckets) > self.ADDRESSES:
            self._told.pop(self._buckets.popitem(last=False)[0], None)
        if wait := bucket.take():
            if self._clock() - self._told.get(address, float("-inf")) >= 60:
                self._told[address] = self._clock()
                log.warning("many wrong tokens", address=address)
            headers = {"Retry-After": str(math.ceil(wait))}
            raise Refusal(429, "too many wrong tokens came from this address; try again in a moment", headers=headers)


class Slots:
    """Room for so many at once; who comes when all is taken is sent away, and doesn't queue."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken = 0

    @property
    def taken(self) -> int:
        return self._taken

    @contextmanager
    def one(self) -> Iterator[None]:
        """Room for one while the block runs. Raises a 503."""
        if self._taken >= self._most:
            detail = f"{self._most} {self._what} are being served already; try again in a moment"
            raise Refusal(503, detail, headers={"Retry-After": "2"})
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    def hold(self, task: asyncio.Future[Any]) -> None:
        """Count one more until a task ends that is waited for no longer."""
        self._taken += 1
        task.add_done_callback(self._release)

    def _release(self, _: object) -> None:
        self._taken -= 1


class Waker:
    """Wakes the daemon at most so often: what comes too soon wakes it once, as soon as that is allowed again."""

    def __init__(self, wake: Callable[[], None], bucket: Bucket) -> None:
        self._wake = wake
        self._bucket = bucket
        self._later: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Wake now or later; never loses a call, since one that comes later serves all before it."""
        if self._later is not None:
            return
        if wait := self._bucket.take():
            self._later = asyncio.get_running_loop().call_later(wait, self._again)
        else:
            self._wake()

    def _again(self) -> None:
        self._later = None
        self.wake()
