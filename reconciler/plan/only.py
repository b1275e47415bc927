"""``--only KIND/NAME``: the named documents and what they wait for, nothing else."""

from __future__ import annotations

from collections import defaultdict

from reconciler.guards import document_of
from reconciler.model import Ref
from reconciler.plan.cascade import groups_of, step_of
from reconciler.steps import Step
from reconciler.systems.draft import Draft


def keep_only(draft: Draft) -> None:
    """Drop each step that isn't asked for and that nothing asked for waits for."""
    if not draft.policy.only:
        return
    wanted = _with_groups(draft, {step.id for step in draft.steps.values() if _named(draft, step)})
    for step in list(draft.steps.values()):
        if step.id not in wanted:
            draft.drop(step)
    names = {(ref.kind, ref.name) for ref in draft.policy.only}
    draft.unchanged = {
        key: item for key, item in draft.unchanged.items() if (item.kind, item.resource.ref.name) in names
    }
    draft.unknown = [one for one in draft.unknown if (one.kind, one.name) in names]


def _named(draft: Draft, step: Step) -> bool:
    refs = {Ref(step.kind, step.name)}
    refs |= {resource.ref for target in step.targets if (resource := document_of(draft, target)) is not None}
    return not refs.isdisjoint(draft.policy.only)


def _with_groups(draft: Draft, wanted: set[str]) -> set[str]:
    """The steps, what they wait for, and the rest of their groups, to a fixed point."""
    needs: dict[str, set[str]] = defaultdict(set)
    for edge in draft.edges:
        if edge.hard:
            needs[step_of(edge.after)].add(step_of(edge.before))
    groups = groups_of(draft)
    queue = list(wanted)
    while queue:
        one = queue.pop()
        step = draft.steps.get(one)
        group = groups.pop(step.group, set()) if step is not None and step.group else set()
        more = (needs[one] | group) - wanted
        wanted |= more
        queue += more
    return wanted
