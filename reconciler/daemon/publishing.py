"""How a pass ended, put on the board that pages and the API show."""

from __future__ import annotations

import time
from typing import Any

from reconciler.daemon.board import Board
from reconciler.daemon.objects import objects_of
from reconciler.daemon.passing import Passed
from reconciler.daemon.state import Phase, TargetState
from reconciler.steps import Verdict

GOOD = frozenset({Verdict.CONVERGED.value, Verdict.BLOCKED.value, "drifted", "suspended"})
"""Verdicts that a pass has nothing to be blamed for."""


def publish(board: Board, before: TargetState, passed: Passed, failures: int) -> None:
    """Show the pass; ``before``: what the board said of the target when it began."""
    now = time.time()
    board.change(
        before.name,
        phase=Phase.WAITING,
        verdict=passed.verdict,
        error=passed.error.message if passed.error else None,
        remedy=passed.error.remedy if passed.error else None,
        checked_at=now,
        failures=failures,
        **_orders(board.targets[before.name], before, passed),
        **_found(passed),
        **({"succeeded_at": now} if passed.verdict in GOOD else {}),
    )


def _found(passed: Passed) -> dict[str, Any]:
    """What the pass got to know; the rest stays as it was."""
    known: dict[str, Any] = {}
    if passed.decision is not None:
        plan, view = passed.decision.plan, passed.decision.view
        known |= {"plan": plan, "objects": objects_of(view, plan, passed.report), "revision": passed.revision}
        known["window"] = passed.window
    if passed.report is not None:
        known["report"] = passed.report
    return known


def _orders(shown: TargetState, before: TargetState, passed: Passed) -> dict[str, Any]:
    """What is ordered, as the pass found it; an order that came meanwhile is newer."""
    orders: dict[str, Any] = {}
    if shown.suspension == before.suspension:
        orders["suspension"] = passed.suspension
    if shown.approvals == before.approvals:
        orders["approvals"] = passed.approvals
    return orders
