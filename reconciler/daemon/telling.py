"""What each pass means to those who aren't looking: metrics, a line in the log, notifications, a commit's status."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import structlog

from reconciler.daemon.board import Board
from reconciler.daemon.holding import OnCall
from reconciler.daemon.notifying import message_of, outcomes_of
from reconciler.daemon.passing import Passed
from reconciler.daemon.state import SourceState, Sync, TargetState
from reconciler.errors import ReconcilerError, Refused
from reconciler.notify import Notifier
from reconciler.telemetry import Metrics
from reconciler.wire import Request

log = structlog.get_logger(__name__)


@dataclass
class Telling:
    """Told of every pass and every request; nothing here blocks or raises."""

    metrics: Metrics
    notifier: Notifier | None = None
    board: Board | None = None
    base: str | None = None

    def watch(self, board: Board) -> None:
        """From now on, what is on this board is told."""
        self.board = board
        board.on_source = self.source

    def source(self, source: SourceState) -> None:
        """The source was looked at: perhaps it has changed, or can't be read."""
        self.metrics.source(source.revision, source.sound, source.read_at or time.time())
        if self.notifier is not None and source.problems and source.seen is not None:
            count = len(source.problems)
            self.notifier.revision(source.seen, {}, f"{count} problem{'' if count == 1 else 's'} in the desired state")

    def known(self, target: str, verdict: str) -> None:
        """What an earlier process had told last."""
        if self.notifier is not None:
            self.notifier.known(target, verdict)

    def standby(self, target: str) -> None:
        """Another replica looks after the target: what was known of it here is no longer told."""
        self.metrics.lease(target, held=False)
        self.metrics.objects(target, {})
        self.metrics.blocked(target, {})
        self.metrics.suspended(target, suspended=False)

    def called(self, target: str) -> OnCall:
        """For one target's client: what is counted of each try."""

        def on_call(request: Request, outcome: int | ReconcilerError, seconds: float) -> None:
            self.metrics.called(target, request.operation, code_of(outcome), seconds)

        return on_call

    def passed(self, target: str, passed: Passed, seconds: float) -> None:
        """A pass has ended, and is on the board."""
        assert self.board is not None
        state = self.board.targets[target]
        self._count(state, passed, seconds)
        self._log(state, passed, seconds)
        if self.notifier is not None:
            self.notifier.tell(message_of(state, passed, self.base))
            if state.revision is not None and state.revision == self.board.source.revision:
                self.notifier.revision(state.revision, outcomes_of(self.board, state.revision))
        self.board.feed.tell("pass-ended", target, verdict=passed.verdict, steps=_done(passed))

    def _count(self, state: TargetState, passed: Passed, seconds: float) -> None:
        name = state.name
        self.metrics.pass_ended(name, passed.verdict, seconds)
        self.metrics.lease(name, held=True)
        self.metrics.suspended(name, suspended=passed.suspension is not None)
        if state.succeeded_at is not None:
            self.metrics.succeeded(name, state.succeeded_at)
        if passed.plan is not None:
            self.metrics.objects(name, Counter((one.kind, one.sync.value) for one in state.objects))
            self.metrics.blocked(name, Counter((one.step.kind, one.rule) for one in passed.plan.blocked))

    def _log(self, state: TargetState, passed: Passed, seconds: float) -> None:
        words = {"verdict": passed.verdict, "seconds": round(seconds, 3), "revision": passed.revision}
        if passed.error is not None:
            log.warning("pass failed", **words, error=passed.error.message, remedy=passed.error.remedy)
        elif passed.report is not None or passed.verdict != "converged":
            pending = sum(one.sync is not Sync.SYNCED for one in state.objects)
            log.info("pass", **words, done=_done(passed), not_in_sync=pending)
        else:
            log.debug("pass", **words)


def code_of(outcome: int | ReconcilerError) -> str:
    """The HTTP status, or what kept us from getting one."""
    if isinstance(outcome, Refused):
        return str(outcome.status)
    return str(outcome) if isinstance(outcome, int) else type(outcome).__name__


def _done(passed: Passed) -> int:
    if passed.report is None:
        return 0
    return sum(outcome.status.value == "done" for outcome in passed.report.outcomes.values())
