"""Users and roles: ownership, replacement, what must never go, and who goes together."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.memory import Memory, Owned, Unfinished
from reconciler.model import Key
from reconciler.secret import Secret
from reconciler.systems.view import View
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    again,
    doc,
    hard,
    ids,
    live_role,
    live_user,
    moves,
    owning,
    plan,
    reasons,
    role,
    rules,
    step,
    user,
    view,
)

READ, WRITE = {"users": ["read"]}, {"users": ["write"]}
BOTH = ("User", "Role")


def accounts(*documents: str, users: list[Any] | None = None, roles: list[Any] | None = None, **more: Any) -> View:
    """Alice holds ops; the documents beside them."""
    live = {
        "listUsers": [ADMIN, *([live_user(5, "alice", [2])] if users is None else users)],
        "listRoles": [ADMINISTRATOR, *([live_role(2, "ops", READ)] if roles is None else roles)],
    }
    return view(*documents, live=live, **more)


# --- ownership


def test_what_nobody_declares_and_nobody_owns_is_no_part_of_the_plan() -> None:
    made = plan(accounts(role("ops", READ)), prune=True)
    assert (ids(made), made.blocked, made.unchanged) == ([], (), 1)


def test_a_changed_user_is_replaced_only_if_it_is_ours() -> None:
    seen = accounts(user("alice", email="new@example.com"))
    made = plan(seen, allow=["replace"])
    assert rules(made.blocked) == {"replace/User/alice": "not-owned"}
    assert made.blocked[0].remedy.startswith("`reconciler adopt User alice`")
    made = plan(owning(seen, *BOTH), allow=["replace"])
    assert moves(made) == ["replace/User/alice#down", "replace/User/alice#up"]
    assert step(made, "replace/User/alice").notes == ("lost: its id, and its api_key if that was generated",)


def test_the_annotation_adopts() -> None:
    seen = accounts(user("alice", annotations={"adopt": "enabled"}, email="new@example.com"))
    assert ids(plan(seen, allow=["replace"])) == ["replace/User/alice"]


def test_another_id_under_our_name_is_not_ours() -> None:
    seen = owning(accounts(user("alice", email="new@example.com")), *BOTH)
    other = accounts(user("alice", email="new@example.com"), users=[live_user(6, "alice", [2])], memory=seen.memory)
    assert rules(plan(other, allow=["replace"]).blocked) == {"replace/User/alice": "not-owned"}
    gone = accounts(role("ops", READ), users=[live_user(6, "alice", [2])], memory=seen.memory)
    assert ids(plan(gone, prune=True)) == []


def test_a_replacement_has_to_be_allowed_by_name() -> None:
    made = plan(owning(accounts(user("alice", email="new@example.com")), *BOTH))
    assert rules(made.blocked) == {"replace/User/alice": "replace-not-allowed"}
    assert made.blocked[0].reason == "the API can't change a user's email"
    assert made.blocked[0].remedy == "--allow replace: the User is deleted and created again"


def test_a_replacement_needs_what_can_not_be_read_back() -> None:
    document = doc("User", "alice", {"email": "n"})
    made = plan(owning(accounts(document), *BOTH), allow=["replace"])
    assert rules(made.blocked) == {"replace/User/alice": "write-only-missing"}
    assert made.blocked[0].reason == "password can't be read back, has to be sent all the same, and would be lost"


def test_a_replacement_carries_over_what_no_document_manages() -> None:
    alice = live_user(5, "alice", [2], description="on call", ui_settings={"refresh_rate": 9}, unheard_of=1)
    made = plan(owning(accounts(user("alice", email="n"), users=[alice]), *BOTH), allow=["replace"])
    item = step(made, "replace/User/alice").item
    assert item is not None
    fields = dict(item.fields)
    del fields["password"]
    assert fields == {
        "description": "on call",
        "directory": "LOCAL",
        "email": "n",
        "roles": ("ops",),
        "ui_settings/refresh_rate": 9,
    }


# --- deleting


def test_removing_a_document_deletes_only_with_prune() -> None:
    seen = owning(accounts(role("ops", READ)), *BOTH)
    made = plan(seen)
    assert ids(made) == []
    assert "User/alice is ours and has no document any more; --prune deletes it" in made.warnings
    made = plan(seen, prune=True)
    assert "delete/User/alice" in ids(made)
    assert step(made, "delete/User/alice").destructive


def test_a_document_may_have_said_to_keep_what_it_made() -> None:
    seen = owning(accounts(role("ops", READ)), ("User", ("LOCAL", "alice")))
    key: Key = ("User", ("LOCAL", "alice"))
    kept = {key: Owned("User", key[1], "5", "alice", "alice", keep=True)}
    made = plan(again(seen, memory=Memory(lineage="l", owned=kept)), prune=True)
    assert rules(made.held) == {"delete/User/alice": "prune-disabled"}
    assert made.blocked == ()


def test_an_id_that_nobody_told_can_not_be_deleted() -> None:
    """Where roles aren't listed, a role is remembered; without its id it can't be named to the server."""
    memory = Memory(lineage="l", owned={("Role", ("ops",)): Owned("Role", ("ops",), None, "ops", "ops")})
    seen = view(user("alice"), live={"listRoles": 405}, memory=memory)
    made = plan(seen, prune=True)
    assert rules(made.blocked) == {"delete/Role/ops": "unknown-id"}
    assert made.blocked[0].remedy == "`reconciler adopt Role ops --id ID` with the id that the console shows"


# --- built-ins, ourselves, the last administrator


def test_built_ins_stay() -> None:
    system = live_user(3, "robot", [1], directory_id=2)
    seen = accounts(role("ops", READ), users=[system, live_user(4, "fixed", editable=False)])
    made = plan(owning(seen, *BOTH), prune=True, deletions=50)
    assert rules(made.blocked) == {
        "delete/Role/administrator": "protected",
        "delete/User/admin": "protected",
        "delete/User/robot": "protected",
        "delete/User/fixed": "protected",
    }
    assert set(reasons(made.blocked).values()) == {"it is built in"}


def test_our_own_user_stays_by_name_and_by_key() -> None:
    users = [live_user(5, "alice", [2]), live_user(6, "bob", [2])]
    for own in ({"own_user": "alice"}, {"own_user": None, "own_key": Secret("05" * 18)}):
        seen = owning(accounts(user("carol"), users=users, **own), *BOTH)
        made = plan(seen, prune=True, deletions=50)
        assert reasons(made.blocked)["delete/User/alice"] == "it is the user that the reconciler runs as"
        assert reasons(made.blocked)["delete/Role/ops"] == "the user that the reconciler runs as holds it"
        assert "delete/User/bob" in ids(made)


def test_where_we_can_not_tell_who_we_are_nobody_goes() -> None:
    seen = owning(accounts(user("carol"), own_user=None), *BOTH)
    made = plan(seen, prune=True, deletions=50)
    unknown = "we can't tell which user we are ourselves, so no user and no role is taken away"
    assert reasons(made.blocked)["delete/User/alice"] == unknown
    assert reasons(made.blocked)["delete/Role/ops"] == unknown
    assert rules(made.blocked)["delete/User/alice"] == "protected"


def test_the_last_administrator_stays() -> None:
    """Our own user holds another role; the product's own one holds the administrator's, and can't log in."""
    users = [
        live_user(5, "me", [2]),
        live_user(6, "root", [3]),
        live_user(7, "robot", [1], directory_id=2),
    ]
    roles = [live_role(2, "ops"), live_role(3, "administrators")]
    live = {"listUsers": users, "listRoles": [ADMINISTRATOR, *roles]}
    seen = owning(view(user("carol"), live=live, own_user="me"), "User")
    made = plan(seen, prune=True, deletions=50)
    assert reasons(made.blocked)["delete/User/root"] == "no administrator would be left"
    two = owning(
        view(user("carol"), live={**live, "listUsers": [*users, live_user(8, "x", [1])]}, own_user="me"), "User"
    )
    assert reasons(plan(two, prune=True, deletions=50).blocked)["delete/User/x"] == "no administrator would be left"
    declared = again(two, desired=view(user("x"), live=live).desired)
    assert "delete/User/root" in ids(plan(declared, prune=True, deletions=50))


def test_an_administrator_may_go_while_we_are_one() -> None:
    seen = owning(accounts(user("carol"), users=[live_user(5, "alice", [1])]), "User")
    assert "delete/User/alice" in ids(plan(seen, prune=True))


# --- roles and their holders


def test_a_role_comes_before_its_users_and_goes_after_them() -> None:
    made = plan(accounts(role("new", READ), user("bob", "new"), users=[], roles=[]))
    assert hard(made, "create/User/bob") == {"create/Role/new"}
    made = plan(owning(accounts(user("carol")), *BOTH), prune=True, deletions=9)
    assert hard(made, "delete/Role/ops") == {"delete/User/alice"}


def test_a_held_role_can_not_be_deleted() -> None:
    made = plan(owning(accounts(user("alice", "ops")), "Role"), prune=True)
    assert rules(made.blocked)["delete/Role/ops"] == "role-in-use"
    assert reasons(made.blocked)["delete/Role/ops"] == "User/alice uses it"


def test_a_role_that_a_document_names_is_not_deleted_before_it_is_held() -> None:
    seen = owning(accounts(user("bob", "ops"), users=[]), "Role")
    made = plan(seen, prune=True)
    assert ids(made) == ["create/User/bob"]
    assert rules(made.blocked)["delete/Role/ops"] == "role-in-use"
    assert reasons(made.blocked)["delete/Role/ops"] == "User/bob names it"


def test_a_role_that_a_replacement_would_carry_over_is_not_deleted() -> None:
    made = plan(owning(accounts(user("alice", email="n")), *BOTH), prune=True, allow=["replace"])
    assert rules(made.blocked)["delete/Role/ops"] == "role-in-use"


def test_a_replaced_role_takes_its_holders_with_it() -> None:
    """Alice's document doesn't even manage her roles: they are carried over, and wait for the role all the same."""
    seen = owning(accounts(role("ops", WRITE), user("alice")), *BOTH)
    made = plan(seen, allow=["replace"], deletions=9)
    assert moves(made) == [
        "replace/User/alice#down",
        "replace/Role/ops#down",
        "replace/Role/ops#up",
        "replace/User/alice#up",
    ]
    assert hard(made, "replace/User/alice#up") == {"replace/Role/ops#up", "replace/User/alice#down"}
    assert {one.group for one in made.steps} == {"role/ops"}
    assert step(made, "replace/User/alice").reason.startswith("it holds a role that is replaced")


def test_a_role_that_may_not_be_replaced_leaves_its_holders_alone() -> None:
    document = user("alice", "ops", password={"secret": "new"}, previous_password={"secret": "old"})
    seen = owning(accounts(role("ops", WRITE), document), *BOTH)
    made = plan(again(seen, values={**seen.values, "new": Secret("another")}))
    assert rules(made.blocked) == {"replace/Role/ops": "replace-not-allowed"}
    assert ids(made) == ["update/User/alice"]


@pytest.mark.parametrize(
    ("documents", "own", "why"),
    [
        ([role("ops", WRITE)], BOTH, "alice holds it and isn't declared"),
        ([role("ops", WRITE), user("alice", "ops")], ("Role",), "User/alice uses it"),
    ],
)
def test_a_replaced_role_needs_all_of_its_holders(documents: list[str], own: tuple[str, ...], why: str) -> None:
    made = plan(owning(accounts(*documents), *own), allow=["replace"], deletions=9)
    assert ids(made) == []
    assert rules(made.blocked)["replace/Role/ops"] == "role-in-use"
    assert reasons(made.blocked)["replace/Role/ops"] == why


def test_a_replaced_role_of_ours_stays() -> None:
    users = [live_user(5, "alice", [2]), live_user(6, "me", [2])]
    documents = (role("ops", WRITE), user("alice", "ops"), user("me", "ops"))
    made = plan(owning(accounts(*documents, users=users, own_user="me"), *BOTH), allow=["replace"], deletions=9)
    assert ids(made) == []
    assert set(rules(made.blocked).values()) <= {"protected", "role-in-use"}


def test_a_user_in_two_replaced_roles_is_replaced_once() -> None:
    seen = accounts(
        role("ops", WRITE),
        role("dev", WRITE),
        user("alice", "ops", "dev"),
        users=[live_user(5, "alice", [2, 3])],
        roles=[live_role(2, "ops", READ), live_role(3, "dev", READ)],
    )
    made = plan(owning(seen, *BOTH), allow=["replace"], deletions=9)
    assert sorted(ids(made)) == ["replace/Role/dev", "replace/Role/ops", "replace/User/alice"]
    assert hard(made, "replace/User/alice#up") == {
        "replace/User/alice#down",
        "replace/Role/dev#up",
        "replace/Role/ops#up",
    }


# --- names


def test_one_name_in_two_directories_is_two_users() -> None:
    users = [live_user(5, "alice"), live_user(6, "alice", directory_id=7)]
    seen = owning(accounts(user("bob"), users=users, roles=[]), "User")
    made = plan(seen, prune=True, deletions=9)
    found = [one for one in ids(made) if one.startswith("delete")]
    assert found == ["delete/User/alice", "delete/User/alice@LOCAL,alice"]
    assert {one.live.id for one in made.steps if one.live} == {"5", "6"}
    seen = accounts(user("alice", directory="LDAP", email="n"), users=users)
    assert step(plan(owning(seen, *BOTH), allow=["replace"]), "replace/User/alice").live == seen.live("User")[0]


@pytest.mark.parametrize("name", ["alice#up", "alice#down", "a/b", "ü", "x@y", "delete/User/z", "#up"])
def test_any_name_can_be_planned(name: str) -> None:
    seen = accounts(role("ops", WRITE), user(name, "ops"), users=[live_user(5, name, [2])])
    made = plan(owning(seen, *BOTH), allow=["replace"], deletions=9)
    assert moves(made)[0] == f"replace/User/{name}#down"
    assert moves(made)[-1] == f"replace/User/{name}#up"
    fresh = plan(accounts(user(name), users=[]))
    assert ids(fresh) == [f"create/User/{name}"]
    assert ids(plan(owning(accounts(user("bob"), users=[live_user(5, name)]), "User"), prune=True)) == [
        "create/User/bob",
        f"delete/User/{name}",
    ]


def test_of_two_live_objects_with_one_key_ours_is_looked_after() -> None:
    users = [live_user(5, "alice", email="a"), live_user(6, "alice", email="b")]
    key = ("User", ("LOCAL", "alice"))
    for id in ("5", "6"):
        memory = Memory(lineage="l", owned={key: Owned("User", key[1], id, "alice", "alice")})
        made = plan(accounts(user("alice", email="n"), users=users, memory=memory), allow=["replace"])
        live = step(made, "replace/User/alice").live
        assert live is not None
        assert live.id == id
        assert made.warnings == ("User: the server shows 2 objects with one natural key (LOCAL, alice)",)


# --- after a crash


def test_a_replacement_that_was_cut_short_is_finished_unasked() -> None:
    key = ("User", ("LOCAL", "alice"))
    left = Unfinished("User", key[1], {"roles": ["ops"], "description": "on call", "email": "old"})
    memory = Memory(lineage="l", unfinished={key: left}, spent=20)
    made = plan(accounts(role("ops", READ), user("alice", email="n"), users=[], memory=memory), destructive=0)
    found = step(made, "create/User/alice")
    assert found.reason == "finishes a replacement that was cut short"
    assert found.item is not None
    assert {name: found.item.fields[name] for name in ("roles", "description", "email")} == {
        "roles": ["ops"],
        "description": "on call",
        "email": "n",
    }
    assert not found.destructive
    without = plan(accounts(role("ops", READ), users=[], memory=memory))
    assert ids(without) == []
