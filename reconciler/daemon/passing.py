"""One pass over one target, from its secrets to what is known afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from reconciler.daemon.holding import Holding
from reconciler.daemon.quarantine import quarantined, remember_failures
from reconciler.daemon.roster import Entry
from reconciler.daemon.state import Mode
from reconciler.errors import ReconcilerError
from reconciler.execute import Listener, Options, Scheduler
from reconciler.reconcile import Case, Decision, carry_out, decide, require_carriable
from reconciler.settings import Target
from reconciler.settle import tidy
from reconciler.steps import TIMED, Plan, Report, Verdict
from reconciler.store.records import Approval, Standing, Suspension
from reconciler.timing import Timing
from reconciler.trees import Loaded, files_at_hand
from reconciler.windows import closed

DRIFTED = "drifted"
SUSPENDED = "suspended"
ERROR = "error"


class Passed(Struct, frozen=True):
    """How a pass ended. ``plan`` is what was found, ``report`` what was done (None: nothing was to be)."""

    verdict: str
    decision: Decision | None = None
    report: Report | None = None
    error: ReconcilerError | None = None
    revision: str | None = None
    suspension: Suspension | None = None
    window: str | None = None
    approvals: tuple[Approval, ...] = ()

    @property
    def plan(self) -> Plan | None:
        return self.decision.plan if self.decision is not None else None


@dataclass
class Passing:
    """Runs the passes of one target. ``watch`` is given each scheduler, so that it can be stopped."""

    entry: Entry
    holding: Holding
    tell: Listener
    watch: Callable[[Scheduler], None]

    async def run(self, target: Target, loaded: Loaded, *, everything: bool) -> Passed:
        """Look, decide, and act if that is wanted. ``everything``: what is quarantined is tried as well.

        Raises ReconcilerError when it comes to no plan.
        """
        case = await self.holding.case(
            target, replace(loaded, files=files_at_hand(loaded.tree, loaded.desired, target))
        )
        case.client.count_anew()
        now, window = time.time(), closed(self.entry.windows, datetime.now(UTC))
        standing = await self.holding.opened.standing(now)
        suspension, approvals = standing.suspension, standing.approvals
        held_off = {} if everything else quarantined(standing.quarantines, now)
        case = replace(
            case,
            mode=self.entry.mode.value,
            timing=Timing(suspended=_said(suspension), closed=window, quarantined=held_off),
            approved=frozenset(one.digest for one in approvals) if self.entry.mode is Mode.ENFORCE else (),
        )
        acts = self.entry.mode is Mode.ENFORCE and suspension is None
        decision = await decide(case, settle=acts)
        passed = Passed("", decision, None, None, case.revision, suspension, window, approvals)
        if acts and decision.plan.steps:
            return await self._act(case, decision, passed, standing)
        await tidy(decision.view, self.holding.opened)
        return replace(passed, verdict=self._verdict(decision.plan, suspension))

    async def _act(self, case: Case, decision: Decision, passed: Passed, standing: Standing) -> Passed:
        store, approvals = self.holding.opened, passed.approvals
        require_carriable(case, decision.plan, None)
        if decision.approval is not None:
            agreed = next(one for one in approvals if one.digest == decision.approval)
            # Before anything is done: what was agreed to once is never done twice.
            await store.withdraw(decision.approval)
            approvals = tuple(one for one in approvals if one is not agreed)
            case = replace(case, mode=f"{case.mode}, approved by {agreed.by}")
        options = Options(timeout=0.0)
        report = await carry_out(case, decision, options, self.tell, on_scheduler=self.watch)
        await remember_failures(store, standing.quarantines, report, time.time())
        waits = report.verdict is Verdict.CONVERGED and _waits(decision.plan)
        verdict = DRIFTED if waits else report.verdict.value
        return replace(passed, verdict=verdict, report=report, approvals=approvals)

    def _verdict(self, plan: Plan, suspension: Suspension | None) -> str:
        if suspension is not None:
            return SUSPENDED
        if plan.steps:
            return DRIFTED
        if plan.blocked:
            return Verdict.BLOCKED.value
        return DRIFTED if _waits(plan) else Verdict.CONVERGED.value


def _waits(plan: Plan) -> bool:
    """Whether something is put right only when a maintenance window opens."""
    return any(one.rule in TIMED for one in plan.held)


def _said(suspension: Suspension | None) -> str | None:
    if suspension is None:
        return None
    until = "until it is resumed"
    if suspension.until is not None:
        until = f"until {datetime.fromtimestamp(suspension.until, UTC):%Y-%m-%d %H:%M} UTC"
    return f"suspended by {suspension.owner} {until}: {suspension.reason}"
