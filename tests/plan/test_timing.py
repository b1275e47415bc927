"""What waits for another moment, and what an approval lets be done: neither says more than its digest stands for."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.memory import Memory, OpenEntry, Unfinished
from reconciler.model import Key
from reconciler.steps import APPROVABLE, TIMED, Plan
from reconciler.systems.view import View
from reconciler.timing import ANY_TIME, Timing
from tests.plan.test_instances import CORES, W1, W2, cluster, mine
from tests.plan.test_limits import vanished
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    again,
    deployment,
    doc,
    five,
    ids,
    live_role,
    live_user,
    live_worker,
    owning,
    plan,
    reasons,
    role,
    rules,
    user,
    view,
    worker,
)

CLOSED = Timing(closed="no window is open")
SUSPENDED = Timing(suspended="suspended by ann: moving house")


def at(timing: Timing, seen: View, *, approved: bool = False, **policy: Any) -> Plan:
    """The plan of a moment; whatever the moment, its digest is that of any time."""
    made = plan(seen, timing=timing, approved=approved, **policy)
    assert made.digest == plan(seen, approved=approved, **policy).digest
    return made


def leaving(count: int, *ids: int, more: tuple[str, ...] = ()) -> View:
    """So many users of ours without documents, as many more with (so that half of the kind stays)."""
    users = [live_user(ids[number] if number < len(ids) else 10 + number, f"u{10 + number}") for number in range(count)]
    stay = [live_user(50 + number, f"s{number}") for number in range(count)]
    documents = [user(one["name"]) for one in stay]
    seen = view(*documents, *more, live={"listUsers": [ADMIN, *users, *stay]})
    return owning(seen, *(("User", ("LOCAL", one["name"])) for one in [*users, *stay]))


def sick(*keys: Key) -> Timing:
    return Timing(quarantined=dict.fromkeys(keys, "it failed 3 times in a row"))


def unfinished(seen: View, *items: Key) -> View:
    """The view, with these having been taken down and not brought up again."""
    found = {key: Unfinished(*key, {}) for key in items}
    return again(seen, memory=replace(seen.memory, unfinished=found))


# --- suspended


def test_a_suspended_target_is_left_alone() -> None:
    seen = leaving(2, more=(role("new"),))
    made = at(SUSPENDED, seen, prune=True)
    assert (ids(made), made.moves, made.blocked) == ([], (), ())
    assert set(rules(made.held).values()) == {"suspended"}
    assert reasons(made.held)["create/Role/new"] == "suspended by ann: moving house"
    assert made.calls["POST"] == made.calls["DELETE"] == 0
    assert len(ids(at(ANY_TIME, seen, prune=True))) == len(made.held) == 3


def test_what_is_blocked_anyhow_stays_so_while_suspended() -> None:
    made = at(SUSPENDED, cluster(W1, W2, CORES, *five(caching={"host": "elsewhere"})))
    assert rules(made.blocked) == {"update/Service/caching": "service-frozen-after-deploy"}


# --- outside a window


def test_what_harms_or_disturbs_waits_for_a_window_and_the_rest_is_done() -> None:
    ranges = doc("Cleanup", "r", {"auditlog": 24})
    made = at(CLOSED, mine(W1, W2, deployment("cores", "w1", version="5.16.0"), ranges, role("new")), prune=True)
    assert "create/Role/new" in ids(made)
    assert not any(step.destructive or step.disruptive for step in made.steps)
    found = rules(made.held)
    assert found["upgrade/Deployment/ometascan"] == found["update/Cleanup/r"] == "outside-window"
    assert reasons(made.held)["update/Cleanup/r"] == "it loses data or access, and no window is open"
    assert reasons(made.held)["upgrade/Deployment/ometascan"] == "it stops what runs, and no window is open"


def test_a_redeployment_waits_as_a_whole() -> None:
    seen = mine(W1, W2, CORES, *five(caching={"host": "elsewhere"}), role("new"))
    assert at(ANY_TIME, seen, allow=["redeploy"]).summary["redeploy"] == 1
    made = at(CLOSED, seen, allow=["redeploy"])
    assert ids(made) == ["create/Role/new"]
    assert rules(made.held) == dict.fromkeys(
        ["redeploy/Deployment/cores/w1", "update/Service/caching"], "outside-window"
    )


def test_what_waits_for_a_step_outside_a_window_waits_with_it() -> None:
    gate = live_worker("w1", "5.15.0", type="api-gateway")
    seen = owning(cluster(W1, CORES, workers=[gate]), "Deployment", document="cores")
    made = at(CLOSED, seen)
    assert ids(made) == []
    assert reasons(made.held) == {
        "delete/Deployment/api-gateway/w1": "it loses data or access, and no window is open",
        "create/Deployment/cores/w1": "waits for delete/Deployment/api-gateway/w1",
    }


def test_a_budget_is_judged_outside_a_window_too() -> None:
    made = at(CLOSED, leaving(6), prune=True)
    assert set(rules(made.blocked).values()) == {"budget"}
    assert made.approvable
    assert at(CLOSED, leaving(6), prune=True, approved=True).summary["held"] == 6


def test_what_was_taken_down_comes_up_again_outside_a_window_and_takes_nothing_down_for_it() -> None:
    """A redeployment around an edit was cut short: w1's instance is gone, w2's still runs, the service is unedited."""
    documents = [W1, W2, deployment("cores", "w1", "w2"), *five(caching={"host": "elsewhere"})]
    workers = [live_worker("w1"), live_worker("w2", "5.15.0")]
    seen = unfinished(mine(*documents, workers=workers), ("Deployment", ("ometascan", "w1:8893")))
    free = at(ANY_TIME, seen, allow=["redeploy"])
    assert "update/Service/caching" in {move.id: move for move in free.moves}["create/Deployment/cores/w1"].hard
    made = at(CLOSED, seen, allow=["redeploy"])
    assert ids(made) == ["create/Deployment/cores/w1"]
    assert sorted(rules(made.held)) == ["redeploy/Deployment/cores/w2", "update/Service/caching"]
    assert ids(at(SUSPENDED, seen, allow=["redeploy"])) == []


def test_finishing_still_waits_for_what_it_can_not_do_without() -> None:
    gate = live_worker("w1", "5.15.0", type="api-gateway")
    seen = owning(cluster(W1, CORES, workers=[gate]), "Deployment", document="cores")
    seen = unfinished(seen, ("Deployment", ("ometascan", "w1:8893")))
    assert ids(at(CLOSED, seen)) == []
    seen = unfinished(view(role("r"), user("u", "r")), ("User", ("LOCAL", "u")))
    made = at(sick(("Role", ("r",))), seen)
    assert reasons(made.blocked)["create/User/u"] == "waits for create/Role/r"


# --- quarantined


def test_a_quarantined_object_is_a_problem_and_its_dependants_wait() -> None:
    seen = view(role("r"), user("u", "r"), worker("w"))
    made = at(sick(("Role", ("r",))), seen)
    assert ids(made) == ["create/Worker/w"]
    assert rules(made.blocked) == dict.fromkeys(["create/Role/r", "create/User/u"], "quarantined")
    assert reasons(made.blocked)["create/Role/r"] == "it failed 3 times in a row"
    assert made.blocked[0].remedy == "mend the cause; it is tried again by itself, at once if asked to"
    assert ids(at(sick(("Role", ("other",))), seen)) == ids(at(ANY_TIME, seen))


def test_a_quarantined_object_keeps_its_whole_group() -> None:
    live = {
        "listUsers": [ADMIN, live_user(5, "alice", [2])],
        "listRoles": [ADMINISTRATOR, live_role(2, "ops", {"a": ["b"]})],
    }
    seen = owning(view(role("ops", {"a": ["c"]}), user("alice"), live=live), "User", "Role")
    made = at(sick(("User", ("LOCAL", "alice"))), seen, allow=["replace"], deletions=2)
    assert rules(made.blocked) == dict.fromkeys(["replace/User/alice", "replace/Role/ops"], "quarantined")


def test_an_upgrade_is_held_back_for_any_of_its_instances() -> None:
    documents = [W1, W2, deployment("cores", "w1", "w2", version="5.16.0")]
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    made = at(sick(("Deployment", ("ometascan", "w2:8893"))), mine(*documents, workers=workers))
    assert rules(made.blocked) == {"upgrade/Deployment/ometascan": "quarantined"}


def test_an_edit_that_keeps_failing_keeps_no_instance_down() -> None:
    documents = [W1, CORES, *five(caching={"host": "elsewhere"})]
    seen = mine(*documents, workers=[live_worker("w1")])
    edit = ("Service", ("caching", "caching"))
    seen = unfinished(seen, ("Deployment", ("ometascan", "w1:8893")))
    made = at(sick(edit), seen, allow=["redeploy"])
    assert ids(made) == ["create/Deployment/cores/w1"]
    assert rules(made.blocked) == {"update/Service/caching": "quarantined"}


# --- approvals


def test_an_approval_lifts_the_budget_for_this_plan() -> None:
    seen = leaving(6)
    asked, made = at(ANY_TIME, seen, prune=True), at(ANY_TIME, seen, prune=True, approved=True)
    assert {one.step.id for one in asked.blocked if one.rule == "budget"} == {
        one.id for one in made.steps if one.destructive
    }
    assert made.summary["delete"] == 6
    assert (asked.approvable, made.approvable) == (True, False)
    assert asked.digest != made.digest


def test_an_approval_lets_what_vanished_be_made_again() -> None:
    assert at(ANY_TIME, vanished(6)).approvable
    assert len(at(ANY_TIME, vanished(6), approved=True).steps) == 7


def test_an_approval_lifts_nothing_else() -> None:
    entry = OpenEntry(1, "createRole", "create", (("Role", ("new",)),), 1.0)
    seen = view(role("new"), user("alice", email="x"), live={"listUsers": [ADMIN, live_user(5, "alice")]})
    seen = again(seen, memory=Memory(lineage="l", open=(entry,)))
    asked, made = at(ANY_TIME, seen), at(ANY_TIME, seen, approved=True)
    assert set(rules(asked.blocked).values()) == {"unknown-outcome", "not-owned"}
    assert (made, asked.approvable) == (asked, False)


@pytest.mark.parametrize("limit", [5, 0])
def test_what_is_approved_is_what_was_there(limit: int) -> None:
    """Another object under the name of one whose deletion waits for an approval is another plan."""
    first, other = (at(ANY_TIME, leaving(6, number), prune=True, destructive=limit) for number in (7, 8))
    assert rules(first.blocked) == rules(other.blocked)
    assert rules(first.blocked)["delete/User/u10"] == "budget"
    assert first.digest != other.digest
    assert first.digest == at(ANY_TIME, leaving(6, 7), prune=True, destructive=limit).digest


def test_what_would_be_made_again_is_part_of_what_is_approved() -> None:
    seen = vanished(6)
    documents = [role(f"r{n}", {"a": ["b"]} if n == 3 else None) for n in range(6)]
    other = again(seen, desired=view(*documents, role("new")).desired)
    first, then = at(ANY_TIME, seen), at(ANY_TIME, other)
    assert rules(first.blocked) == rules(then.blocked)
    assert first.digest != then.digest


def test_the_names_of_rules_are_those_that_plans_give() -> None:
    given = {*rules(at(CLOSED, leaving(2), prune=True).held).values()}
    given |= {*rules(at(SUSPENDED, leaving(2), prune=True).held).values()}
    given |= {*rules(at(sick(("User", ("LOCAL", "u11"))), leaving(2), prune=True).blocked).values()}
    assert given == TIMED
    assert {"budget", "recreate"} == APPROVABLE
