"""An event loop and a clock in which waiting takes no time, and a process that can be killed between two instructions.

Nothing here sleeps: when all tasks wait, the clock goes to the next thing that is due. Where nothing is due any more,
the run hangs for good, and says so.
"""

from __future__ import annotations

import asyncio
import random
import time
from asyncio import base_events
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")

START = 1_700_000_000.0
"""Unix seconds at which every world begins."""


class Killed(BaseException):
    """The process is gone: raised by all that a dead process still tries to do."""


class Hung(AssertionError):
    """Everybody waits, and nothing will ever happen."""


class Clock:
    """Virtual seconds. ``wall`` may jump, ``now`` (monotonic) never does."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.jumped = 0.0

    @property
    def wall(self) -> float:
        """Unix seconds, as a process sees them."""
        return START + self.now + self.jumped

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds


class _Selector:
    """Stands where a loop waits for the network: it lets the clock run instead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Hung("all tasks wait, and nothing is due")
        if timeout > 0:
            self._clock.pass_by(timeout)
        return []


class VirtualLoop(base_events.BaseEventLoop):
    """Runs tasks on virtual time. What would run in a thread runs at once, in this one."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._selector = _Selector(clock)
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        return self._clock.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There is no network."""

    def _write_to_self(self) -> None:
        """There is nobody to wake: all happens in one thread."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # simpler
        """The result, made at once."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            done.set_exception(error)
        return done


def run(clock: Clock, work: Coroutine[Any, Any, T], bury: Callable[[], None]) -> T:
    """What ``work`` returns or raises. Raises Killed when something has stopped the loop meanwhile.

    ``bury`` is called then, before anything else runs: from now on, the process must be unable to do anything.
    """
    loop = VirtualLoop(clock)
    with virtual(clock):
        try:
            main = loop.create_task(work)
            main.add_done_callback(lambda _: loop.stop())
            loop.run_forever()
            if main.done():
                return main.result()
            bury()
            raise Killed
        finally:
            _clear_away(loop)


def _clear_away(loop: VirtualLoop) -> None:
    """End what is left without a trace; the dead can do no harm."""
    for _ in range(20):
        left = asyncio.all_tasks(loop)
        if not left:
            break
        for task in left:
            task.cancel()
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
    with suppress(RuntimeError):
        loop.close()


@contextmanager
def virtual(clock: Clock) -> Iterator[None]:
    """Every module's clock is this one, and chance is repeatable."""
    before = time.monotonic, time.time
    chance = random.getstate()
    random.seed(int(clock.now))
    time.monotonic, time.time = (lambda: clock.now), (lambda: clock.wall)
    try:
        yield
    finally:
        time.monotonic, time.time = before
        random.setstate(chance)
