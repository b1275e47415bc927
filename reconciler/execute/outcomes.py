"""From moves to steps: a two-phased step has one outcome, that of the phase in which it ended."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.steps import Outcome, Status, Step
from reconciler.systems.draft import down, up


def combine(step: Step, ended: Mapping[str, Outcome]) -> Outcome:
    """The step's outcome from its moves'."""
    if not step.action.two_phased:
        return ended[step.id]
    below, above = ended[down(step) or ""], ended[up(step) or ""]
    if below.status is not Status.DONE:
        return Outcome(step.id, below.status, below.error, below.attempts, below.seconds)
    error = above.error
    if above.status is not Status.DONE:
        error = f"taken down, and not up again yet; the next run finishes it ({above.error})"
    status = Status.FAILED if above.status is Status.SKIPPED else above.status
    return Outcome(step.id, status, error, max(below.attempts, above.attempts), below.seconds + above.seconds)
