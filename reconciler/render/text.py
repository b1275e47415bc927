"""Plans and reports for a terminal, in the signs that OpenTofu made known, at any width, with or without colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.render import words
from reconciler.render.fields import Field, dotted, fields
from reconciler.render.page import Page, cells
from reconciler.steps import Action, HeldBack, Outcome, Plan, Report, Status, Step

TINTS: Mapping[Action, str] = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.UPGRADE: "yellow",
    Action.REDEPLOY: "magenta",
}
STATUS_TINTS: Mapping[Status, str] = {
    Status.DONE: "green",
    Status.FAILED: "red",
    Status.SKIPPED: "faint",
    Status.UNKNOWN: "magenta",
    Status.PROGRESSING: "yellow",
}
FIELD_TINTS = {"+": "green", "~": "yellow", "-": "red"}
INDENT = " " * 6
MAX_NAME = 24
MAX_WAITS = 3
MAX_VALUE = 1000


def plan_text(plan: Plan, *, width: int = 80, colour: bool = False, unicode: bool = True, full: bool = False) -> str:
    """The plan as lines of at most ``width`` columns; ``full``: fields even where many steps are alike."""
    page = Page(width, colour, unicode)
    _heading(page, "Plan for", plan)
    waits = words.Waits(plan)
    brief = {} if full else words.crowded(plan.steps)
    for step in plan.steps:
        what = (step.action, step.kind)
        if what in brief:
            _alike(page, step, brief[what])
            brief[what] = 0
        else:
            _step(page, step, waits, full)
    _asides(page, plan, full)
    _ending(page, plan)
    return str(page)


def report_text(
    report: Report, *, width: int = 80, colour: bool = False, unicode: bool = True, full: bool = False
) -> str:
    """What became of each step of a plan, and where that leaves the target."""
    page = Page(width, colour, unicode)
    _heading(page, "Applied to", report.plan)
    aligned = max((cells(page.clean(_title(step))) for step in report.plan.steps), default=0)
    for step in report.plan.steps:
        _outcome(page, step, words.outcome(report, step), aligned)
    _asides(page, report.plan, full)
    page.gap()
    page.put("", words.applied(report), style="bold")
    page.put("", words.verdict(report), style=_verdict_style(report))
    _requests(page, report)
    return str(page)


def _heading(page: Page, what: str, plan: Plan) -> None:
    revision = words.revision(plan)
    origin = f"{plan.target}, {words.address(plan)}" + (f", revision {revision}" if revision else "")
    why = words.stateless(plan)
    warning = f" ({why})" if why else ""
    page.put(f"{what} ", origin + warning, tint="bold", style="danger" if warning else "bold")
    page.gap()


def _title(step: Step) -> str:
    return f"{step.action.value} {words.label(step)}"


def _head(page: Page, step: Step, title: str) -> None:
    page.put(f"{words.SYMBOLS[step.action]:>3} ", title, tint=TINTS[step.action], style="bold")


def _step(page: Page, step: Step, waits: words.Waits, full: bool) -> None:
    page.gap()
    _head(page, step, _title(step))
    _remark(page, "# ", step.reason)
    _remark(page, "! ", words.danger(step), "danger")
    _fields(page, fields(step.changes), full)
    for note in step.notes:
        _remark(page, "# ", note)
    names = waits.of(step)
    _remark(page, "after ", words.listed(names, len(names) if full else MAX_WAITS))
    page.gap()


def _alike(page: Page, step: Step, many: int) -> None:
    """One line for a step of many; before the first of them, how many they are and why fields aren't there."""
    if many:
        page.gap()
        why = f"{step.action.value} {step.kind}, {many} times: fields left out (plan --full shows them)"
        page.put("    # ", why, tint="faint", style="faint")
    changed = words.listed([field.name for field in fields(step.changes)], 4)
    named = f" ({changed})" if changed and step.action is not Action.CREATE else ""
    _head(page, step, f"{_title(step)}{named}")
    _remark(page, "! ", words.danger(step), "danger")


def _remark(page: Page, head: str, text: str, style: str = "faint") -> None:
    if text:
        page.put(INDENT + head, text, tint=style, style=style)


def _fields(page: Page, found: list[Field], full: bool) -> None:
    names = [cells(page.clean(field.name)) for field in found]
    column = max((name for name in names if name <= min(MAX_NAME, page.width // 3)), default=0)
    for field, name in zip(found, names, strict=True):
        _field(page, field, " " * max(column - name, 0), full)


def _field(page: Page, field: Field, padding: str, full: bool) -> None:
    """One line if it fits; else a line for each side, or for each element that comes or goes."""
    tint, head = FIELD_TINTS[field.mark], f"{INDENT}{field.mark} "
    before, after = (side if full or side is None else words.clipped(side, MAX_VALUE) for side in field.values)
    equation = f"{field.name}{padding} = "
    line = equation + " -> ".join(side for side in (before, after) if side is not None)
    if cells(page.clean(head + line)) <= page.width:
        page.put(head, line, tint=tint)
    elif field.delta:
        _delta(page, field, tint)
    else:
        page.put(head, equation, tint=tint)
        for arrow, side in (("   ", before), ("-> " if before is not None else "   ", after)):
            if side is not None:
                page.put(f"{INDENT}  {arrow}", side, hard=True)


def _delta(page: Page, field: Field, tint: str) -> None:
    gone, come, kept = field.delta or ([], [], 0)
    page.put(f"{INDENT}{field.mark} ", f"{field.name} =", tint=tint)
    for mark, elements in (("-", gone), ("+", come)):
        for element in elements:
            page.put(f"{INDENT}    {mark} ", words.clipped(element, MAX_VALUE), tint=FIELD_TINTS[mark], hard=True)
    if kept:
        page.put(f"{INDENT}    # ", f"{kept} stay", tint="faint", style="faint")


def _asides(page: Page, plan: Plan, full: bool) -> None:
    """What won't be done, what can't be known, and what is to be watched."""
    _held(page, "Blocked", "blocked by", "remedy: ", plan.blocked, full)
    _held(page, "Held", "held by", "to do it: ", plan.held, full)
    if plan.unknown:
        _section(page, f"{words.UNKNOWN_FIELDS}:")
    for unknown in plan.unknown:
        names = ", ".join(map(dotted, unknown.paths))
        page.put("  ? ", f"{unknown.kind}/{unknown.name}: {names}", tint="magenta")
        _remark(page, "# ", unknown.reason)
    if plan.warnings:
        page.gap()
    for warning in plan.warnings:
        page.put("Warning: ", warning, tint="yellow")


def _section(page: Page, title: str) -> None:
    page.gap()
    page.put("", title, style="bold")
    page.gap()


def _held(page: Page, title: str, verb: str, remedy: str, found: Sequence[HeldBack], full: bool) -> None:
    if found:
        _section(page, f"{title}:")
    brief = {} if full else words.crowded(held.step for held in found)
    last: HeldBack | None = None
    for held in found:
        _head(page, held.step, _title(held.step))
        if last and (held.rule, held.reason, held.remedy) == (last.rule, last.reason, last.remedy):
            _remark(page, "", f"{verb} {held.rule}, as above", "red" if title == "Blocked" else "faint")
        else:
            _remark(page, "", f"{verb} {held.rule}: {held.reason}", "red" if title == "Blocked" else "faint")
            _remark(page, remedy, held.remedy)
        if (held.step.action, held.step.kind) not in brief:
            _fields(page, fields(held.step.changes), full)
            page.gap()
        last = held


def _ending(page: Page, plan: Plan) -> None:
    page.gap()
    page.put("", words.summary(plan), style="bold")
    if dangers := words.dangers(plan):
        page.put("", dangers, style="danger")
    if plan.steps or plan.approvable:
        page.put("Digest: ", plan.digest, tint="faint", style="faint")


def _outcome(page: Page, step: Step, outcome: Outcome, aligned: int) -> None:
    mark, status = words.MARKS[outcome.status][not page.unicode], outcome.status
    title = _title(step)
    tried = [words.duration(outcome.seconds)] if outcome.attempts else []
    tried += [f"{outcome.attempts} attempts"] if outcome.attempts > 1 else []
    head, tail = f"  {mark} {status.value:<11} ", ", ".join(tried)
    wide = cells(head) + aligned + 2 + cells(tail) <= page.width
    padding = " " * (aligned - cells(page.clean(title)) + 2) if wide else ""
    page.put(head, (title + padding + tail if wide else title).rstrip(), tint=STATUS_TINTS[status])
    if not wide:
        _remark(page, "# ", tail)
    if outcome.error:
        loud = status in (Status.FAILED, Status.UNKNOWN)
        _remark(page, "error: " if loud else "# ", outcome.error, "red" if loud else "faint")


def _verdict_style(report: Report) -> str:
    return {"converged": "green", "progressing": "yellow"}.get(report.verdict.value, "red")


def _requests(page: Page, report: Report) -> None:
    counted: Iterable[tuple[str, str]] = (
        ("Requests: ", words.requests(report.calls)),
        ("To look or try again: ", ", ".join(f"{number} {name}" for name, number in report.extra.items() if number)),
    )
    for head, text in counted:
        if text:
            page.put(head, text + ".", tint="faint", style="faint")
