"""The words that every rendering shares: symbols, counts, sentences, and text made safe to show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from reconciler.steps import Action, Outcome, Plan, Report, Status, Step, Verdict

SYMBOLS: Mapping[Action, str] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.UPGRADE: "^",
    Action.REDEPLOY: "-/+",
}
MARKS: Mapping[Status, tuple[str, str]] = {
    Status.DONE: ("✓", "ok"),
    Status.FAILED: ("✗", "!!"),
    Status.SKIPPED: ("·", "--"),
    Status.UNKNOWN: ("?", "??"),
    Status.PROGRESSING: ("…", ".."),
}
"""Each status's mark, and the same in ASCII."""

ALWAYS_COUNTED = ("create", "update", "replace", "delete")
STATELESS = "made without the state: can't be applied"
RECORDED = "made from a recording of {}: can't be applied"
UNKNOWN_FIELDS = "Unknown (can't be compared, left as they are)"
DESTRUCTIVE = "loses data or access"
DISRUPTIVE = "stops what runs"

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: str, *, ascii_only: bool = False) -> str:
    """Text as one line of visible characters: control, bidirectional and invisible ones become escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _visible(char, ascii_only) else _escape(char) for char in text)


def _visible(char: str, ascii_only: bool) -> bool:
    return char.isprintable() and char not in _BLANK and (char.isascii() or not ascii_only)


def _escape(char: str) -> str:
    code = ord(char)
    return _SHORT.get(char) or (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")


def clipped(text: str, limit: int) -> str:
    """The text, or its start and how long it is."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def count(number: int, noun: str) -> str:
    """``1 object``, ``2 objects``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(parts: list[str], most: int) -> str:
    """``a, b, c and 4 more``."""
    rest = len(parts) - most
    return ", ".join(parts) if rest <= 0 else f"{', '.join(parts[:most])} and {rest} more"


def duration(seconds: float) -> str:
    """``3.4 s`` or ``2 min 5 s``."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def label(step: Step) -> str:
    """The object that a step is about."""
    return f"{step.kind}/{step.name}"


def danger(step: Step) -> str:
    """What a step costs, in words; empty when it costs nothing."""
    return ", ".join([DESTRUCTIVE] * step.destructive + [DISRUPTIVE] * step.disruptive)


def address(plan: Plan) -> str:
    """Where the target is, without credentials that a URL may hold."""
    return re.sub(r"(?<=//)[^/@]*@", "", plan.url)


def revision(plan: Plan) -> str | None:
    """The revision as people say it: a commit's first twelve digits, anything else whole."""
    found = plan.revision
    return found[:12] if found and re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found) else found


def stateless(plan: Plan) -> str:
    """Why a plan can't be applied; empty when it can."""
    if plan.recorded is not None:
        return RECORDED.format(plan.recorded)
    return STATELESS if plan.lineage is None else ""


def tally(plan: Plan, *, zeros: bool) -> list[str]:
    """``2 to create``, ``1 blocked`` …; ``zeros``: the common actions are counted even when there are none."""
    counts = plan.summary
    parts = [(counts[name], f"to {name}", zeros and name in ALWAYS_COUNTED) for name in (a.value for a in Action)]
    parts += [(counts[name], name, False) for name in ("blocked", "held")]
    return [f"{number} {name}" for number, name, always in parts if number or always]


def summary(plan: Plan) -> str:
    """The line that ends a plan."""
    if plan.empty and not plan.blocked and not plan.held:
        return f"No changes. {unchanged(plan)}"
    return f"Plan: {', '.join(tally(plan, zeros=True))}."


def unchanged(plan: Plan) -> str:
    """``27 objects are as desired.``"""
    return f"{count(plan.unchanged, 'object')} {'is' if plan.unchanged == 1 else 'are'} as desired."


def dangers(plan: Plan) -> str | None:
    """How much a plan costs, or None when it costs nothing."""
    losing = sum(step.destructive for step in plan.steps)
    stopping = sum(step.disruptive for step in plan.steps)
    parts = [f"{count(losing, 'step')} {'loses' if losing == 1 else 'lose'} data or access"] if losing else []
    parts += [f"{count(stopping, 'step')} {'stops' if stopping == 1 else 'stop'} what runs"] if stopping else []
    return f"{', '.join(parts)}." if parts else None


def outcome(report: Report, step: Step) -> Outcome:
    """How a step ended; one that nothing is said of was never tried."""
    return report.outcomes.get(step.id) or Outcome(step.id, Status.SKIPPED, attempts=0)


def statuses(report: Report) -> list[str]:
    """``12 done``, ``1 failed`` …"""
    counts = Counter(outcome(report, step).status for step in report.plan.steps)
    return [f"{counts[status]} {status.value}" for status in Status if counts[status] or status is Status.DONE]


def applied(report: Report) -> str:
    """The line that ends a report."""
    if report.plan.empty:
        return summary(report.plan)
    return f"Applied: {', '.join(statuses(report))} in {duration(report.seconds)}."


def verdict(report: Report) -> str:
    """One sentence on where the target stands now."""
    target, plan = report.plan.target, report.plan
    unknown = sum(outcome(report, step).status is Status.UNKNOWN for step in plan.steps)
    if unknown:
        writes = count(unknown, "write")
        return f"Failed: nobody can tell how {writes} ended; look, and tell it with `reconciler resolve`."
    if report.verdict is Verdict.FAILED:
        return f"Failed: {target} isn't as desired; the next run plans anew from what is there."
    if report.verdict is Verdict.PROGRESSING:
        waiting = sum(outcome(report, step).status is Status.PROGRESSING for step in plan.steps)
        return f"Progressing: {count(waiting, 'step')} not settled yet." if waiting else "Progressing: not settled yet."
    if report.verdict is Verdict.BLOCKED:
        number = len(plan.blocked)
        return f"Blocked: {count(number, 'change')} {'is' if number == 1 else 'are'} held back by a rule."
    held = f", but for {len(plan.held)} held" if plan.held else ""
    return f"Converged: {target} is as desired{held}."


def requests(calls: Mapping[str, int]) -> str:
    """``2 GET, 1 POST``; empty when there are none."""
    return ", ".join(f"{number} {method}" for method, number in calls.items() if number)


class Waits:
    """Names what a step waits for, by object instead of by id."""

    def __init__(self, plan: Plan) -> None:
        self._names = {step.id: label(step) for step in plan.steps}

    def of(self, step: Step) -> list[str]:
        """``User/alice`` or, where only its first half is waited for, ``User/alice is down``."""
        if self._is_last(step):
            return ["everything else"]
        return [self._name(move) for move in step.after]

    def _is_last(self, step: Step) -> bool:
        """Whether the step waits for all others, and for them to be done."""
        done = {move.removesuffix("#up") for move in step.after if not move.endswith("#down")}
        return len(done) > 1 and len(done) == len(step.after) == len(self._names) - 1

    def _name(self, move: str) -> str:
        if move in self._names:
            return self._names[move]
        whole, _, half = move.rpartition("#")
        if half not in ("down", "up"):
            return move.partition("/")[2] or move
        return (self._names.get(whole) or whole.partition("/")[2] or whole) + (" is down" if half == "down" else "")


def crowded(steps: Iterable[Step], most: int = 20) -> dict[tuple[Action, str], int]:
    """The actions and kinds that so many steps share that their fields would hide the plan, with how many."""
    counts = Counter((step.action, step.kind) for step in steps)
    return {what: number for what, number in counts.items() if number > most}
