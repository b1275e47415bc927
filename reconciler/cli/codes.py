"""Exit codes, the same for every output: 1 error, 4 not settled, 3 blocked, 2 changes pending, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.steps import Plan, Report, Verdict

CODES = {Verdict.CONVERGED: 0, Verdict.FAILED: 1, Verdict.BLOCKED: 3, Verdict.PROGRESSING: 4}
WORST_FIRST = (1, 4, 3, 2, 0)


def plan_code(plan: Plan, *, detailed: bool) -> int:
    """0 nothing to do (or ``detailed`` not asked for), 2 changes pending, 3 something is blocked."""
    if plan.blocked:
        return 3
    return 2 if detailed and plan.steps else 0


def document_code(plan: Mapping[str, Any], *, detailed: bool) -> int:
    """The same for a plan document."""
    if plan.get("blocked"):
        return 3
    return 2 if detailed and plan.get("steps") else 0


def report_code(report: Report) -> int:
    """The exit code of an apply."""
    return CODES[report.verdict]


def worst(codes: Iterable[int]) -> int:
    """Of several targets' codes the one that says most."""
    return min(codes, key=WORST_FIRST.index, default=0)
