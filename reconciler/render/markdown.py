"""Plans and reports as a comment on a pull request: what is blocked or dangerous first, the rest a click away."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reconciler.render import words
from reconciler.render.fields import diff, dotted, fields
from reconciler.render.fit import Entry, Section, Sheet, fitted
from reconciler.render.gfm import code, details, fence, prose
from reconciler.steps import Action, Change, HeldBack, Outcome, Plan, Report, Status, Step

LIMIT = 65536
"""GitHub's limit to a comment, in characters."""

SEE_PLAN = "All of it: reconciler plan --full, or the plan file."
SEE_REPORT = "All of it: the job's own output, or reconciler history."
MAX_NAME = 200
MAX_REASON = 500
MAX_VALUE = 1000
MAX_ASIDES = 20
MAX_WAITS = 5


def plan_markdown(plan: Plan, *, limit: int = LIMIT, see: str = SEE_PLAN) -> str:
    """The plan in at most ``limit`` characters; ``see`` says where to find what had to be left out."""
    counts = ", ".join(words.tally(plan, zeros=False)) or "no changes"
    waits = words.Waits(plan)
    return fitted(_plan_sheet(plan, counts, see, lambda step: _step_entry(step, waits)), limit)


def _plan_sheet(plan: Plan, counts: str, see: str, entry: Callable[[Step], Entry]) -> Sheet:
    costly = [step for step in plan.steps if words.danger(step)]
    creates = [step for step in plan.steps if not words.danger(step) and step.action is Action.CREATE]
    others = [step for step in plan.steps if not words.danger(step) and step.action is not Action.CREATE]
    sections = (
        Section(
            "Blocked", "blocked change", [_held_entry(held, "blocked by", "To allow it:") for held in plan.blocked]
        ),
        Section("Loses data or access, or stops what runs", "costly step", [entry(step) for step in costly]),
        Section("Other changes", "other change", [entry(step) for step in others]),
        Section("Creates", "create", [entry(step) for step in creates]),
        Section("Held", "held change", [_held_entry(held, "held by", "To do it:") for held in plan.held]),
    )
    bare = f"Plan: {counts}\n"
    return Sheet(f"## Plan for {_name(plan.target)}: {counts}", _origin(plan), sections, _asides(plan), see, bare)


def report_markdown(report: Report, *, limit: int = LIMIT, see: str = SEE_REPORT) -> str:
    """The report in at most ``limit`` characters; ``see`` says where to find what had to be left out."""
    plan, counts = report.plan, ", ".join(words.statuses(report))
    ended = [(step, words.outcome(report, step)) for step in plan.steps]

    def of(*statuses: Status) -> list[Entry]:
        return [_outcome_entry(step, outcome) for step, outcome in ended if outcome.status in statuses]

    sections = (
        Section("Failed or unknown", "failed step", of(Status.FAILED, Status.UNKNOWN)),
        Section(
            "Blocked", "blocked change", [_held_entry(held, "blocked by", "To allow it:") for held in plan.blocked]
        ),
        Section("Not done", "skipped step", of(Status.SKIPPED, Status.PROGRESSING)),
        Section("Done", "finished step", of(Status.DONE)),
        Section("Held", "held change", [_held_entry(held, "held by", "To do it:") for held in plan.held]),
    )
    title = f"## Applied to {_name(plan.target)}: {counts if plan.steps else 'no changes'}"
    head = (f"**{prose(words.verdict(report))}**", *_origin(plan))
    tail = (*_asides(plan), prose(words.applied(report)))
    return fitted(Sheet(title, head, sections, tail, see, f"Applied: {counts}\n"), limit)


def _origin(plan: Plan) -> tuple[str, ...]:
    revision = words.revision(plan)
    parts = [code(words.clipped(words.address(plan), MAX_NAME))]
    parts += [f"at revision {code(words.clipped(revision, MAX_NAME))}"] if revision else []
    where = " ".join(filter(None, parts))
    why = words.stateless(plan)
    return tuple(filter(None, [f"> **Warning:** {why}." if why else "", where]))


def _asides(plan: Plan) -> tuple[str, ...]:
    """What is unknown, what is to be watched, what stays as it is, and what approves it."""
    unknown = [
        f"- {_name(f'{one.kind}/{one.name}')}: {code(words.clipped(', '.join(map(dotted, one.paths)), MAX_REASON))}"
        f" ({_reason(one.reason)})"
        for one in plan.unknown
    ]
    warnings = [f"- **Warning:** {_reason(warning)}" for warning in plan.warnings]
    digest = f"Digest {code(plan.digest)}." if plan.steps or plan.approvable else ""
    ending = " ".join(filter(None, [words.unchanged(plan), digest]))
    title = f"### {words.UNKNOWN_FIELDS}" if unknown else ""
    return tuple(filter(None, [title, _few(unknown), _few(warnings), ending]))


def _few(lines: list[str]) -> str:
    more = len(lines) - MAX_ASIDES
    return "\n".join(lines[:MAX_ASIDES] + ([f"- and {more} more"] if more > 0 else []))


def _name(text: str) -> str:
    return code(words.clipped(text, MAX_NAME))


def _reason(text: str) -> str:
    return prose(words.clipped(text, MAX_REASON))


def _title(step: Step) -> str:
    return f"{code(words.SYMBOLS[step.action])} {step.action.value} {_name(words.label(step))}"


def _step_entry(step: Step, waits: words.Waits) -> Entry:
    cost = words.danger(step)
    names = words.listed(waits.of(step), MAX_WAITS)
    notes = [f"Note: {_reason(note)}" for note in step.notes] + ([f"after {_reason(names)}"] if names else [])
    line = f"{_title(step)}: **{cost}**" if cost else _title(step)
    summary = f"{_title(step)}: <strong>{cost}</strong>" if cost else _title(step)
    why = f"Reason: {_reason(step.reason)}" if step.reason else ""
    body = [why, _diff(step.changes), "\n".join(f"- {note}" for note in notes)]
    blocks = list(filter(None, body))
    return Entry(step.action, step.kind, line, details(summary, *blocks) if blocks else "")


def _held_entry(held: HeldBack, verb: str, remedy: str) -> Entry:
    step = held.step
    why = f"{verb} **{prose(held.rule)}**: {_reason(held.reason.rstrip('.'))}"
    how = f" {remedy} {_reason(held.remedy)}" if held.remedy else ""
    line = f"{_title(step)} {why}.{how}"
    changed = _diff(step.changes)
    fold = details(f"{words.count(len(fields(step.changes)), 'field')}", changed) if changed else ""
    return Entry(step.action, step.kind, line, f"- {line}\n\n{fold}" if fold else "")


def _outcome_entry(step: Step, outcome: Outcome) -> Entry:
    tried = f", {outcome.attempts} attempts" if outcome.attempts > 1 else ""
    took = f" ({words.duration(outcome.seconds)}{tried})" if outcome.attempts else ""
    error = f": {_reason(outcome.error)}" if outcome.error else ""
    mark = words.MARKS[outcome.status][0]
    return Entry(step.action, step.kind, f"{mark} **{outcome.status.value}** {_title(step)}{error}{took}")


def _diff(changes: Iterable[Change]) -> str:
    lines = [line for field in fields(changes) for line in diff(field, MAX_VALUE)]
    return fence(lines) if lines else ""
