"""The loop of one target: wait for time or a reason, take a slot, make a pass, remember, and pace the next one."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

import structlog

from reconciler.daemon.board import Board
from reconciler.daemon.holding import Holding, OnCall
from reconciler.daemon.pace import Pace
from reconciler.daemon.pacing import Pacing
from reconciler.daemon.passing import ERROR, Passed, Passing
from reconciler.daemon.publishing import publish
from reconciler.daemon.recorder import Known, Recorder
from reconciler.daemon.roster import Entry, Roster
from reconciler.daemon.sharing import Sharing
from reconciler.daemon.slots import Slots
from reconciler.daemon.state import Phase, TargetState
from reconciler.daemon.tenure import Standby, Tenure
from reconciler.daemon.trees import Trees
from reconciler.errors import LeaseLost, ReconcilerError, StateError
from reconciler.execute import Event, Happening, Scheduler
from reconciler.store import Store

log = structlog.get_logger(__name__)


class Watcher(Standby, Known, Protocol):
    """Somebody who wants to know how passes end."""

    def passed(self, target: str, passed: Passed, seconds: float) -> None:
        """A pass has ended, and is on the board."""

    def called(self, target: str) -> OnCall:
        """For one target's client: what is to be told of each try."""


@dataclass
class TargetLoop:
    """One target's loop."""

    entry: Entry
    roster: Roster
    trees: Trees
    board: Board
    slots: Slots
    holding: Holding
    pace: Pace
    watcher: Watcher
    sharing: Sharing
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _everything: bool = False
    _stopping: bool = False
    _halted: bool = False
    _scheduler: Scheduler | None = None
    _reading: asyncio.Timeout | None = None
    _tenure: Tenure = field(init=False)
    _pacing: Pacing = field(init=False)
    _recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        name, sharing = self.entry.name, self.sharing
        self._tenure = Tenure(name, self.roster, self.holding, self.board, sharing, self.watcher)
        self._pacing = Pacing(self.pace, self.entry.windows)
        self._recorder = Recorder(self.entry, self.holding, self.watcher)

    def wake(self, *, everything: bool = False) -> None:
        """Make a pass soon, with all that is quarantined if ``everything``. Many calls make one pass."""
        self._everything = self._everything or everything
        self._wanted.set()

    def stop(self) -> None:
        """Begin nothing more; a write that is under way is finished, and reading is left at once."""
        self._stopping = True
        self.halt()
        if self._scheduler is None and self._reading is not None:
            self._reading.reschedule(asyncio.get_running_loop().time())
        self._wanted.set()

    def halt(self) -> None:
        """End the pass that is under way, if one is, as soon as its calls in flight have ended."""
        self._halted = True
        if self._scheduler is not None:
            self._scheduler.stop()

    async def run(self) -> None:
        """Passes, until told to stop."""
        wait = 0.0
        while await self._may_go_on(wait):
            async with self.slots.taken():
                wait = await self._turn()
            await self.holding.rest()
            self.board.change(self.entry.name, next_at=time.time() + wait)
        self.board.change(self.entry.name, phase=Phase.STOPPED, next_at=None)

    async def _may_go_on(self, seconds: float) -> bool:
        """Wait for time to pass or for a reason; whether there is to be another pass then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        return not self._stopping

    async def _turn(self) -> float:
        """One pass, if there is something to enforce and the target is ours; gives the seconds until the next one."""
        self._wanted.clear()
        everything, self._everything = self._everything, False
        if self.trees.share(self.entry.name) is None:
            return self.pace.interval
        async with self.lock:
            structlog.contextvars.bind_contextvars(target=self.entry.name, **{"pass": uuid4().hex[:12]})
            try:
                return await self._pass(everything)
            finally:
                structlog.contextvars.unbind_contextvars("target", "pass")

    async def _pass(self, everything: bool) -> float:
        started, before = time.monotonic(), self.board.targets[self.entry.name]
        self._halted = False
        try:
            async with asyncio.timeout(None) as self._reading:
                if not await self._tenure.begin():
                    self._recorder.forget()
                    self._everything = self._everything or everything
                    return self._tenure.pause
                if everything:
                    await self.holding.try_login_again(self.roster.target(self.entry.name))
                self.board.change(self.entry.name, phase=Phase.RUNNING, pass_id=_pass_id())
                passed = await self._attempt(everything)
        except OSError as error:
            # Our own deadline looks like one of the operating system's.
            if self._stopping and isinstance(error, TimeoutError):
                return 0.0
            passed = await self._failed(ReconcilerError(f"the operating system says: {error.strerror or error}"))
        except LeaseLost as error:
            log.warning("the lease is lost", error=error.message)
            self._recorder.forget()
            self._tenure.lost()
            return self._tenure.pause
        except ReconcilerError as error:
            passed = await self._failed(error)
        finally:
            self._scheduler = self._reading = None
        await self._recorder.record(passed)
        return self._note(passed, before, time.monotonic() - started)

    async def _failed(self, error: ReconcilerError) -> Passed:
        """A pass that came to no plan: what is ordered is shown all the same, and no secret that a server quotes."""
        hide = self.roster.redactor.hide
        error.message, error.remedy = hide(error.message), hide(error.remedy) if error.remedy else None
        shown = self.board.targets[self.entry.name]
        suspension, approvals = shown.suspension, shown.approvals
        with suppress(StateError):
            if (store := self.holding.store) is not None:
                standing = await store.standing(time.time())
                suspension, approvals = standing.suspension, standing.approvals
        return Passed(ERROR, error=error, suspension=suspension, approvals=approvals)

    async def give_up(self, seconds: float) -> None:
        """Let another replica have the target after the pass under way, and leave it alone for so long."""
        async with self.lock:
            await self._tenure.give_up(seconds)
        self._recorder.forget()
        self.wake()

    async def heed(self, *, everything: bool) -> None:
        """Somebody has ordered something, perhaps at another replica. Raises StateError."""
        if self.store is None:
            return
        standing = await self.store.standing(time.time())
        self.board.change(self.entry.name, suspension=standing.suspension, approvals=standing.approvals)
        if standing.suspension is not None:
            self.halt()
        self.wake(everything=everything)

    @property
    def store(self) -> Store | None:
        """The target's state, once it is open."""
        return self.holding.store

    async def _attempt(self, everything: bool) -> Passed:
        loaded = self.trees.share(self.entry.name)
        assert loaded is not None
        passing = Passing(self.entry, self.holding, self._tell, self._watch)
        return await passing.run(self.roster.target(self.entry.name), loaded, everything=everything)

    def _watch(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        if self._stopping or self._halted:
            scheduler.stop()

    def _tell(self, event: Event) -> None:
        if event.happening is Happening.STARTED:
            self.board.feed.tell("step-started", self.entry.name, step=event.step)
        elif event.outcome is not None:
            status, error = event.outcome.status.value, event.outcome.error
            self.board.feed.tell("step-ended", self.entry.name, step=event.step, status=status, error=error)
            log.info("step", step=event.step, status=status, error=error)

    def _note(self, passed: Passed, before: TargetState, seconds: float) -> float:
        """Put what is known on the board, which was ``before``; gives the seconds until the next pass."""
        wait = self._pacing.after(passed)
        publish(self.board, before, passed, self._pacing.failures)
        self.watcher.passed(self.entry.name, passed, seconds)
        return wait


def _pass_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("pass", ""))
