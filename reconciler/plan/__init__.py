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
from reconciler.steps import Plan
from reconciler.systems.draft import Draft
from reconciler.systems.view import View


def make_plan(view: View, policy: Policy, *, url: str, revision: str | None = None) -> Plan:
    """Decide. Raises InvalidTree when a document names what is neither declared nor live."""
    check_references(view)
    return _freeze(_decide(view, policy), url, revision)


def _decide(view: View, policy: Policy) -> Draft:
    draft = Draft(view, policy)
    warn_unchecked(draft)
    for name in sorted(view.system.kinds):
        if view.items(name) or any(owned.kind == name for owned in view.memory.owned.values()):
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


def _freeze(draft: Draft, url: str, revision: str | None) -> Plan:
    view = draft.view
    steps, moves = ordered(draft)
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
        digest=digest(view, url, draft.policy, steps, (*blocked, *held)),
        in_sync=tuple(f"{item.kind}/{item.name}" for item in draft.unchanged),
    )
