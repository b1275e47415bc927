"""Differences, ownership and rules become one frozen plan. Pure: the same view and policy give the same plan."""

from __future__ import annotations

from reconciler import guards
from reconciler.plan.cascade import cascade
from reconciler.plan.compare import compare_kind, hold_unsettled
from reconciler.plan.digest import digest
from reconciler.plan.forecast import forecast
from reconciler.plan.only import keep_only
from reconciler.plan.order import ordered
from reconciler.plan.references import (
    check_references,
    hold_what_is_in_use,
    hold_what_is_named,
    order_by_references,
    warn_unchecked,
)
from reconciler.policy import Policy
from reconciler.steps import Move, Plan, Step
from reconciler.systems.draft import Draft
from reconciler.systems.view import View
from reconciler.timing import ANY_TIME, Timing


def make_plan(
    view: View,
    policy: Policy,
    *,
    url: str,
    revision: str | None = None,
    timing: Timing = ANY_TIME,
    approved: bool = False,
) -> Plan:
    """Decide. Raises InvalidTree when a document names what is neither declared nor live.

    ``timing`` comes last and only ever holds back, so that the digest is the same at any time. ``approved``: somebody
    has agreed to the digest of the plan made without it, so that the steps which ``budget`` and ``recreate`` held back
    in that plan are free in this one; nothing else differs (the digest does, for they are other plans).
    """
    check_references(view)
    draft = _decide(view, policy, approved=approved)
    steps, moves = ordered(draft)
    back = (*draft.blocked.values(), *draft.held.values())
    number = digest(view, url, policy, steps, back)
    if timing != ANY_TIME:
        guards.hold_for_now(draft, timing)
        cascade(draft, spared=guards.may_finish)
        steps, moves = ordered(draft)
    return _freeze(draft, steps, moves, url=url, revision=revision, number=number)


def _decide(view: View, policy: Policy, *, approved: bool) -> Draft:
    draft = Draft(view, policy)
    warn_unchecked(draft)
    remembered = {owned.kind for owned in view.memory.owned.values()}
    for name in sorted(view.system.kinds):
        if view.items(name) or name in remembered:
            compare_kind(draft, view.system.kinds[name])
    guards.hold_wishes(draft)
    for rule in view.system.rules:
        rule.expand(draft)
    _hold(draft)
    order_by_references(draft)
    for rule in view.system.rules:
        rule.order(draft)
    keep_only(draft)
    cascade(draft)
    if not approved:
        guards.hold_mass_recreation(draft)
        guards.hold_over_budget(draft)
        cascade(draft)
    return draft


def _hold(draft: Draft) -> None:
    """Wishes first, once more for what rules have added: nobody is told to allow what they switched off themselves."""
    guards.hold_wishes(draft)
    hold_unsettled(draft)
    for rule in draft.view.system.rules:
        rule.hold(draft)
    guards.hold_not_owned(draft)
    guards.hold_replacements(draft)
    guards.hold_unknown_ids(draft)
    hold_what_is_in_use(draft)
    hold_what_is_named(draft)


def _freeze(
    draft: Draft, steps: tuple[Step, ...], moves: tuple[Move, ...], *, url: str, revision: str | None, number: str
) -> Plan:
    view = draft.view
    blocked = tuple(draft.blocked[id] for id in sorted(draft.blocked))
    held = tuple(draft.held[id] for id in sorted(draft.held))
    return Plan(
        target=view.target,
        system=view.system.name,
        url=url,
        lineage=view.memory.lineage,
        revision=revision,
        steps=steps,
        moves=moves,
        blocked=blocked,
        held=held,
        unknown=tuple(sorted(draft.unknown, key=lambda one: (one.kind, one.name))),
        warnings=tuple(dict.fromkeys(draft.warnings)),
        unchanged=len(draft.unchanged),
        calls=forecast(view, steps, moves),
        digest=number,
        in_sync=tuple(f"{item.kind}/{item.name}" for item in draft.unchanged.values()),
    )
