"""Whatever is wanted, live and remembered: a plan keeps the product's order, the budget and everybody's property."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.model import Ref
from reconciler.policy import Policy
from reconciler.steps import APPROVABLE, TIMED, Action
from reconciler.systems.view import View
from reconciler.timing import Timing
from tests.plan.worlds import any_order, policies, product, views
from tests.systems.kit import again, desired, live_role, live_user, owning, plan, role, user, view

slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large])


@slow
@given(views(), policies, st.randoms(use_true_random=False))
def test_every_order_that_a_plan_permits_is_accepted_by_the_product(
    seen: View, policy: dict[str, Any], chance: random.Random
) -> None:
    found = plan(seen, **policy)
    assert product(seen).play(found, any_order(found, chance)) == []


@slow
@given(views(), policies)
def test_nothing_of_others_is_harmed_and_the_budget_is_kept(seen: View, policy: dict[str, Any]) -> None:
    found = plan(seen, **policy)
    for step in found.steps:
        if step.action.takes_down or step.action is Action.UPGRADE:
            assert all(target.live is None or seen.owns(target.live) for target in step.targets), step.id
    harmful = sum(step.destructive for step in found.steps)
    if policy["deletions"] is None:
        assert harmful <= policy["destructive"]
        assert harmful == 0 or seen.memory.spent + harmful <= Policy().daily
    else:
        assert harmful <= policy["deletions"]


@slow
@given(views(), policies)
def test_each_object_is_accounted_for_once(seen: View, policy: dict[str, Any]) -> None:
    found = plan(seen, **policy)
    stopped = {one.step.id for one in (*found.blocked, *found.held)}
    assert stopped.isdisjoint(step.id for step in found.steps)
    assert {one.step.id for one in found.blocked}.isdisjoint(one.step.id for one in found.held)
    every = [target.item.key for step in found.steps for target in step.targets if target.item]
    every += [target.item.key for one in (*found.blocked, *found.held) for target in one.step.targets if target.item]
    wanted = [item.key for kind in seen.system.kinds for item in seen.items(kind)]
    assert sorted(every) == sorted(set(every))
    assert len(wanted) == len(every) + found.unchanged
    groups = {step.group for step in found.steps if step.group}
    assert groups.isdisjoint(one.step.group for one in (*found.blocked, *found.held))


@slow
@given(views(), policies, st.randoms(use_true_random=False))
def test_the_order_of_documents_makes_no_difference(seen: View, policy: dict[str, Any], chance: random.Random) -> None:
    found = plan(seen, **policy)
    resources = list(seen.desired.resources.items())
    chance.shuffle(resources)
    shuffled = dict(seen.collections)
    for name in ("users", "roles", "services", "workers", "installers"):
        if isinstance(shuffled[name], list):
            shuffled[name] = chance.sample(shuffled[name], len(shuffled[name]))
    other = again(seen, desired=type(seen.desired)(dict(resources)), collections=shuffled)
    assert plan(other, **policy) == found


@slow
@given(views(), policies, st.data())
def test_only_takes_a_part_of_the_same_plan(seen: View, policy: dict[str, Any], data: st.DataObject) -> None:
    found = plan(seen, **policy)
    assume(seen.desired.resources)
    ref: Ref = data.draw(st.sampled_from(sorted(seen.desired.resources)))
    part = plan(seen, **policy, only=frozenset({ref}))
    free = {step.id for step in found.steps}
    if not any(one.rule in ("budget", "recreate") for one in found.blocked):
        assert {step.id for step in part.steps} <= free
    assert product(seen).play(part, list(part.moves)) == []


@slow
@given(views(), policies, st.data())
def test_a_moment_only_takes_steps_out_and_an_approval_only_those_of_the_limits_in(
    seen: View, policy: dict[str, Any], data: st.DataObject
) -> None:
    free = plan(seen, **policy)
    touched = sorted({one.key for step in free.steps for target in step.targets for one in (target.item,) if one})
    sick = data.draw(st.sampled_from([[], touched[:1], touched[-2:]]))
    closed = data.draw(st.sampled_from([None, "closed"]))
    timing = Timing(closed=closed, quarantined=dict.fromkeys(sick, "sick"))
    found = plan(seen, timing=timing, **policy)
    assert found.digest == free.digest
    assert product(seen).play(found, list(found.moves)) == []
    back = {one.step.id for one in (*found.blocked, *found.held) if one.rule in TIMED}
    assert {step.id for step in free.steps} == {step.id for step in found.steps} | back
    assert not any(closed and (step.destructive or step.disruptive) for step in found.steps)
    assert not any(one.key in sick for step in found.steps for target in step.targets for one in (target.item,) if one)
    groups = {step.group for step in found.steps if step.group}
    assert groups.isdisjoint(one.step.group for one in (*found.blocked, *found.held))
    agreed = plan(seen, approved=True, **policy)
    lifted = {one.step.id for one in free.blocked if one.rule in APPROVABLE}
    assert {step.id for step in agreed.steps} == {step.id for step in free.steps} | lifted
    assert agreed.held == free.held
    assert free.approvable == bool(lifted)


def test_the_model_tells_a_wrong_order() -> None:
    """The oracle itself: playing the moves backwards must not please it."""
    seen = view(
        role("r1", {"users": ["write"]}),
        user("alice", "r1"),
        live={
            "listRoles": [live_role(1, "administrator", editable=False), live_role(2, "r1", {"users": ["read"]})],
            "listUsers": [live_user(1, "admin", [1]), live_user(5, "alice", [2])],
        },
    )
    found = plan(owning(seen, "Role", "User"), allow=("replace",), deletions=2)
    assert len(found.moves) == 4
    assert product(seen).play(found, list(found.moves)) == []
    assert len(product(seen).play(found, list(reversed(found.moves)))) >= 2


def test_an_empty_tree_is_a_plan_of_nothing() -> None:
    """The pass refuses it before it gets here."""
    assert plan(view(wanted=desired())).empty
