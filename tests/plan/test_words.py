"""What a plan says, word for word, and the number it is known by: people copy the one, approvals keep the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from reconciler.memory import Memory, OpenEntry, Owned
from reconciler.model import Key, Ref
from reconciler.secret import Secret
from reconciler.steps import Plan
from tests.plan.test_accounts import BOTH, accounts
from tests.plan.test_instances import W1, W2, cluster
from tests.plan.test_limits import everything, many, vanished
from tests.plan.test_timing import CLOSED, SUSPENDED, at, sick
from tests.systems.kit import (
    ADMIN,
    again,
    deployment,
    doc,
    ids,
    live_role,
    live_user,
    live_worker,
    owning,
    plan,
    reasons,
    role,
    rules,
    step,
    user,
    view,
)

ALICE: Key = ("User", ("LOCAL", "alice"))
UNTOLD = Memory(lineage="l", owned={("Role", ("ops",)): Owned("Role", ("ops",), None, "ops", "ops")})
UNANSWERED = Memory(lineage="l", open=(OpenEntry(1, "createRole", "create", (("Role", ("new",)),), 1.0),))
KEPT = Memory(lineage="l", owned={ALICE: Owned(*ALICE, "5", "alice", "alice", keep=True)})

SAID: dict[str, tuple[Callable[[], Plan], str, str]] = {
    "not-owned": (
        lambda: plan(accounts(user("alice", email="n")), allow=["replace"]),
        "User/alice was not created by us",
        "`reconciler adopt User alice`, or the annotation reconciler/adopt: enabled on its document",
    ),
    "unknown-id": (
        lambda: plan(view(user("alice"), live={"listRoles": 405}, memory=UNTOLD), prune=True),
        "the server doesn't tell its id, and the state doesn't remember it",
        "`reconciler adopt Role ops --id ID` with the id that the console shows",
    ),
    "budget": (
        lambda: plan(many(4, 2), prune=True, deletions=1),
        "2 destructive steps, and 1 was allowed",
        "look at each destructive step, then --allow deletions=2",
    ),
    "recreate": (
        lambda: plan(vanished(6)),
        "6 objects of ours have vanished, more than the 5 that are made again unasked",
        "make sure that this is the right server, then --allow recreate=6",
    ),
    "replace-not-allowed": (
        lambda: plan(owning(accounts(user("alice", email="n")), *BOTH)),
        "the API can't change a user's email",
        "--allow replace: the User is deleted and created again",
    ),
    "write-only-missing": (
        lambda: plan(owning(accounts(doc("User", "alice", {"email": "n"})), *BOTH), allow=["replace"]),
        "password can't be read back, has to be sent all the same, and would be lost",
        "give password in the document",
    ),
    "suspended": (
        lambda: at(SUSPENDED, view(role("r"))),
        "suspended by ann: moving house",
        "resume the target, or wait until that ends by itself",
    ),
    "quarantined": (
        lambda: at(sick(("Role", ("r",))), view(role("r"))),
        "it failed 3 times in a row",
        "mend the cause; it is tried again by itself, at once if asked to",
    ),
    "outside-window": (
        lambda: at(CLOSED, view(doc("Cleanup", "c", {"auditlog": 24}))),
        "it loses data or access, and no window is open",
        "wait for a window",
    ),
    "reconcile-disabled": (
        lambda: plan(view(role("r", reconcile="disabled"))),
        "Role/r says reconciler/reconcile: disabled",
        "take the annotation away",
    ),
    "unknown-outcome": (
        lambda: plan(view(role("new"), memory=UNANSWERED)),
        "an earlier createRole got no answer, and the server doesn't show whether it was done",
        (
            "look in the console; if it is there: `reconciler adopt Role new --id ID`; "
            "if it isn't: `reconciler resolve 1 --as not-done`"
        ),
    ),
    "unreadable": (
        lambda: plan(view(role("new"), live={"listRoles": 500})),
        "the live side couldn't be read (roles: GET /admin/role: 500, status 500)",
        "mend the reading first: nothing of this kind is written meanwhile",
    ),
    "prune-disabled": (
        lambda: plan(again(accounts(role("ops")), memory=KEPT), prune=True),
        "its document said reconciler/prune: disabled",
        "`reconciler forget User alice` if it is to stay for good",
    ),
    "undeploy-before-disconnect": (
        lambda: plan(owning(cluster(W2), "Worker"), prune=True),
        "Deployment/ometascan/w1 uses it",
        "take Deployment/ometascan/w1 away first, or let it use another",
    ),
    "role-in-use": (
        lambda: plan(owning(accounts(user("alice", "ops"), users=[live_user(5, "alice")]), *BOTH), prune=True),
        "User/alice names it",
        "let User/alice name another, or declare it again",
    ),
}
"""Rule → a plan in which it holds a step back, the reason and the remedy."""


@pytest.mark.parametrize("rule", SAID)
def test_each_rule_says_why_and_what_to_do(rule: str) -> None:
    made, reason, remedy = SAID[rule]
    back = made()
    assert (reason, remedy) in {(one.reason, one.remedy) for one in (*back.blocked, *back.held) if one.rule == rule}


def test_what_waits_names_the_first_cause() -> None:
    """The user waits for a role that waits, by their group, for another user."""
    users = [ADMIN, live_user(5, "alice", [2])]
    live = {"listUsers": users, "listRoles": [live_role(2, "ops", {"a": ["b"]})]}
    seen = owning(view(role("ops", {"a": ["c"]}), user("alice", "ops"), user("new", "ops"), live=live), *BOTH)
    made = at(sick(ALICE), seen, allow=["replace"], deletions=2)
    assert reasons(made.blocked) == {
        "replace/User/alice": "it failed 3 times in a row",
        "replace/Role/ops": "waits for replace/User/alice",
        "create/User/new": "waits for replace/User/alice",
    }


def test_outside_a_window_only_what_finishes_something_need_not_wait() -> None:
    live = {"listUsers": [ADMIN], "listRoles": [live_role(2, "ops", {"a": ["b"]})]}
    seen = owning(view(role("ops", {"a": ["c"]}), user("new", "ops"), live=live), *BOTH)
    made = at(CLOSED, seen, allow=["replace"])
    assert ids(made) == []
    assert rules(made.held) == dict.fromkeys(["replace/Role/ops", "create/User/new"], "outside-window")


def test_what_the_limits_are_next_to() -> None:
    assert rules(plan(many(2, 1), prune=True, deletions=0).blocked)["delete/User/u11"] == "budget"
    half = [live_role(number, f"r{number}", {"a": ["b"]}) for number in (2, 3, 4)]
    seen = owning(view(role("r2", {"a": ["b"]}), live={"listRoles": half}), "Role")
    made = plan(seen, prune=True)
    assert set(reasons(made.blocked).values()) == {"2 of 3 live objects of the kind Role would go, more than half"}


def test_a_single_object_can_be_picked_by_its_own_name() -> None:
    seen = cluster(W1, W2, deployment("cores", "w1", "w2", version="5.16.0"))
    assert ids(plan(seen, only=frozenset({Ref("Deployment", "cores/w2")}))) == ["create/Deployment/cores/w2"]


def test_a_role_keeps_what_no_document_manages() -> None:
    roles = [live_role(2, "ops", {"a": ["b"]}, display_name="On call")]
    for spec, kept in (({"display_name": "x"}, "rights"), ({"rights": {"a": ["c"]}}, "display_name")):
        seen = owning(view(doc("Role", "ops", spec), live={"listRoles": roles}), "Role")
        item = step(plan(seen, allow=["replace"]), "replace/Role/ops").item
        assert item is not None
        assert kept in item.fields


def test_a_worker_that_is_connected_anew_stops_what_runs() -> None:
    seen = owning(cluster(W1, workers=[live_worker("w1", display_name="old")]), "Worker")
    (made,) = plan(seen, allow=["replace"]).steps
    assert (made.action, made.disruptive, made.destructive) == ("replace", True, True)


def test_a_worker_is_not_connected_anew_without_its_key() -> None:
    keyless = doc("Worker", "w1", {"host": "w1", "port": 8893})
    seen = owning(cluster(keyless, workers=[live_worker("w1", display_name="old")]), "Worker")
    assert set(rules(plan(seen, allow=["replace"]).blocked).values()) == {"write-only-missing"}


def test_a_plan_tells_whose_it_is() -> None:
    made = plan(view(role("r")))
    assert (made.target, made.system, made.lineage) == ("default", "metadefender", "l")


# --- the digest


def test_the_same_plan_has_the_same_number_in_the_next_release() -> None:
    """An approval is kept for a plan's number. Whoever changes how it is made raises ``FORMAT`` with it."""
    seen = everything()
    made = plan(seen, allow=["replace"], prune=True)
    assert made.blocked
    assert made.steps
    assert made.digest == "sha256:dff6b0f5e23b8bc06918649494b63d77604caf1bdf98771fdb2962081fc11df8"


def test_secrets_count_by_field_and_object() -> None:
    """Two values that change places are another plan, though the same fingerprints' values are in it."""
    values = {"pw": Secret("one"), "key": Secret("two")}
    documents = [user(name, api_key={"secret": "key"}) for name in ("alice", "bob")]
    seen = again(view(*documents), values=values)
    swapped = again(seen, values={"pw": Secret("two"), "key": Secret("one")})
    assert len({plan(one).digest for one in (seen, swapped, replace(seen, target="other", _cache={}))}) == 3
