"""What the API can't change is deleted and created again: only where that was allowed, and without a loss."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.kit import API_KEY, Desk, document, hidden, mostly_ci, secret, user

MakeDesk = Callable[..., Desk]
ALLOWED = ("--allow", "replace")


def carol(**spec: object) -> str:
    return user("carol", **{"email": "a@example.com", **spec})


@pytest.fixture
def staffed(desk: Desk) -> Desk:
    """Carol and Dave, created by us."""
    desk.write(carol(), user("dave"))
    desk.apply().ended(0)
    desk.center.clear()
    return desk


def test_another_email_needs_a_word(staffed: Desk):
    staffed.write(carol(email="b@example.com"), user("dave"))
    blocked = staffed.apply().ended(3)
    assert blocked.rules == {"replace/User/carol": "replace-not-allowed"}
    assert "--allow replace" in blocked.json()["blocked"][0]["remedy"]
    assert staffed.center.writes() == []


def test_a_user_is_replaced(staffed: Desk):
    staffed.center.edit("users", {"name": "carol"}, set={"description": "by hand", "ui_settings": {"refresh_rate": 5}})
    staffed.write(carol(email="b@example.com"), user("dave"))
    plan = staffed.plan(*ALLOWED).ended(0)
    assert plan.steps["replace/User/carol"]["destructive"]
    staffed.converges(*ALLOWED)
    assert staffed.center.writes() == ["deleteUser", "createUser"]
    found = staffed.center.named("users", "carol")
    assert (found["email"], found["description"], found["ui_settings"]) == (
        "b@example.com", "by hand", {"refresh_rate": 5}
    )  # fmt: skip


@pytest.mark.ci
def test_what_would_be_lost_is_told(staffed: Desk):
    staffed.write(carol(email="b@example.com"), user("dave"))
    assert "api_key" in staffed.run("plan", "desired-state", *ALLOWED).ended(0).out


@pytest.mark.ci
def test_a_replacement_without_the_password_is_blocked(staffed: Desk):
    staffed.write(document("User", "carol", email="b@example.com"), user("dave"))
    assert staffed.plan(*ALLOWED).ended(3).rules == {"replace/User/carol": "write-only-missing"}


@pytest.mark.ci
def test_a_stranger_isnt_replaced(desk: Desk):
    desk.center.edit("users", add={"name": "carol", "password": "x", "roles": [], "email": "a@example.com"})
    desk.write(carol(email="b@example.com"))
    assert desk.apply(*ALLOWED).ended(3).rules == {"replace/User/carol": "not-owned"}
    desk.write(user("carol", email="b@example.com", annotations={"reconciler/adopt": "enabled"}))
    desk.apply(*ALLOWED)
    desk.converges(*ALLOWED)
    assert desk.center.named("users", "carol")["email"] == "b@example.com"


def test_the_own_user_is_never_touched(make: MakeDesk):
    desk = make()
    desk.write(user("admin", email="new@example.com", annotations={"reconciler/adopt": "enabled"}), user("dave"))
    desk.run("adopt", "User", "admin").ended(0)
    for env in ({}, {"RECONCILER_APIKEY": API_KEY, "RECONCILER_USER": "", "RECONCILER_PASSWORD": ""}):
        blocked = desk.apply(*ALLOWED, env=env).ended(3)
        assert blocked.rules == {"replace/User/admin": "protected"}
    desk.write(user("dave"))
    assert desk.plan("--prune", *ALLOWED).ended(3).rules == {"delete/User/admin": "protected"}
    assert desk.center.writes() == ["createUser"]


@pytest.mark.ci
def test_a_user_that_isnt_the_first_and_yet_our_own(make: MakeDesk):
    desk = make()
    desk.center.edit("users", add={"name": "robot", "password": "canary-robot", "roles": ["1"]})
    desk.canaries.add("canary-robot")
    desk.run("adopt", "User", "robot").ended(0)
    desk.write(user("dave"))
    env = {"RECONCILER_USER": "robot", "RECONCILER_PASSWORD": "canary-robot"}
    assert desk.apply("--prune", env=env).ended(3).rules == {"delete/User/robot": "protected"}
    assert "robot" in desk.center.names("users")


def test_a_password_is_changed_in_its_own_session(staffed: Desk):
    staffed.secret("carol-password-2", "canary-second-password")
    staffed.write(carol(password=secret("carol-password-2"), previous_password=secret("carol-password")), user("dave"))
    plan = staffed.plan().ended(0)
    assert plan.steps["update/User/carol"]["changes"] == [
        {"path": "/password", "before": "(secret)", "after": "(secret, changed)"}
    ]
    before = staffed.center.last()
    staffed.converges()
    asked = [one for one in staffed.center.requests(before) if one["method"] == "POST"]
    assert [(one["operationId"], one["user"]) for one in asked][:5] == [
        ("login", "admin"),
        ("login", "carol"),
        ("changePassword", "carol"),
        ("logout", "carol"),
        ("logout", "admin"),
    ]
    assert password_of(staffed) == hidden("canary-second-password")


@pytest.mark.ci
def test_a_changed_password_without_the_previous_one_is_a_replacement(staffed: Desk):
    staffed.secret("carol-password", "canary-second-password")
    blocked = staffed.plan().ended(3).json()["blocked"]
    assert [(one["id"], one["rule"]) for one in blocked] == [("replace/User/carol", "replace-not-allowed")]
    assert "password" in blocked[0]["reason"]
    assert "previous_password" in blocked[0]["reason"]
    staffed.converges(*ALLOWED)
    assert password_of(staffed) == hidden("canary-second-password")


@pytest.mark.ci
def test_a_password_change_whose_reply_is_lost(staffed: Desk):
    """One login with the new password tells; the account isn't locked by trying."""
    staffed.secret("carol-password-2", "canary-second-password")
    staffed.write(carol(password=secret("carol-password-2"), previous_password=secret("carol-password")), user("dave"))
    staffed.center.fault("changePassword", {"drop_reply": True})
    staffed.apply()
    staffed.converges()
    assert password_of(staffed) == hidden("canary-second-password")
    refused = [one for one in staffed.center.requests() if one["operationId"] == "login" and one["status"] != 200]
    assert len(refused) <= 1


def test_a_held_role_takes_its_holders_along(desk: Desk):
    desk.write(
        document("Role", "analyst", rights={"workers": ["read"]}), carol(roles=["analyst"]), user("dave"), user("erin"),
        user("frank"), document("Role", "other"), document("Role", "third"),
    )  # fmt: skip
    desk.apply().ended(0)
    desk.center.clear()
    desk.edit("tree.yaml", '"workers": ["read"]', '"workers": ["read", "write"]')
    assert "replace-not-allowed" in desk.plan().ended(3).rules.values()
    plan = desk.plan(*ALLOWED).ended(0)
    assert set(plan.steps) == {"replace/Role/analyst", "replace/User/carol"}
    desk.converges(*ALLOWED)
    assert desk.center.writes() == ["deleteUser", "deleteRole", "createRole", "createUser"]
    role = desk.center.named("roles", "analyst")
    assert role["rights"] == {"workers": ["read", "write"]}
    assert desk.center.named("users", "carol")["roles"] == [str(role["id"])]


@pytest.mark.ci
@pytest.mark.parametrize("operation", mostly_ci(["deleteUser", "deleteRole", "createRole", "createUser"], "createRole"))
def test_a_group_that_is_cut_short_is_finished(desk: Desk, operation: str):
    desk.write(document("Role", "analyst"), document("Role", "other"), carol(roles=["analyst"]), user("dave"))
    desk.apply().ended(0)
    desk.write(
        document("Role", "analyst", rights={"workers": ["read"]}), document("Role", "other"), carol(roles=["analyst"]),
        user("dave"),
    )  # fmt: skip
    desk.center.fault(operation, {"status": 500}, times=0)
    desk.apply(*ALLOWED).ended(1)
    desk.center.clear_faults()
    flags = ALLOWED if operation in ("deleteUser", "deleteRole") else ()
    desk.converges(*flags)
    assert desk.center.named("users", "carol")["roles"] == [str(desk.center.named("roles", "analyst")["id"])]


@pytest.mark.ci
def test_a_role_that_a_stranger_holds_isnt_replaced(desk: Desk):
    desk.write(document("Role", "analyst"), document("Role", "other"))
    desk.apply().ended(0)
    desk.center.edit("users", add={"name": "stranger", "password": "x", "roles": ["analyst"]})
    desk.write(document("Role", "analyst", rights={"workers": ["read"]}), document("Role", "other"))
    assert desk.apply(*ALLOWED).ended(3).rules == {"replace/Role/analyst": "role-in-use"}


@pytest.mark.ci
def test_without_roles_to_list_ids_are_remembered(make: MakeDesk):
    desk = make(role_list="404", user_roles="ids")
    desk.write(document("Role", "analyst"), carol(roles=["analyst"]), user("dave"))
    desk.converges()
    desk.write(carol(), user("dave"))
    desk.apply("--prune", *ALLOWED)
    desk.write(document("SessionCookie", "console", samesite="Lax"), user("dave"))
    desk.converges("--prune", *ALLOWED)
    assert desk.center.names("roles") == ["administrator"]


@pytest.mark.ci
def test_without_roles_to_list_what_isnt_remembered_is_blocked(make: MakeDesk):
    desk = make(role_list="404", user_roles="names", role_create_reply="empty")
    desk.write(document("Role", "analyst"), user("carol"))
    desk.converges()
    desk.write(user("carol"))
    assert desk.plan("--prune").ended(3).rules == {"delete/Role/analyst": "unknown-id"}
    id = str(desk.center.named("roles", "analyst")["id"])
    desk.run("adopt", "Role", "analyst", "--id", id).ended(0)
    desk.converges("--prune")
    assert desk.center.names("roles") == ["administrator"]


def password_of(desk: Desk) -> str:
    """What the Control Center keeps of Carol's password."""
    return str(desk.center.named("users", "carol")["password"])
