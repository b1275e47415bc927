"""Faults while a plan is carried out: what failed, what depends on it, what was lost, what is never done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e.kit import API_KEY, PASSWORD, Desk, document, mostly_ci, until, user, worker

MakeDesk = Callable[..., Desk]


def deployment(*workers: str) -> str:
    return document("Deployment", "cores", type="ometascan", version="5.15.0", workers=[*workers])


# --- a failure stops what depends on it, and nothing else


def test_one_worker_that_cant_be_reached(make: MakeDesk):
    desk = make("deployed")
    desk.write(
        worker("good"),
        worker("bad", host="unreachable-1.internal"),
        deployment("good", "bad"),
        user("carol"),
    )
    report = desk.apply().ended(1)
    assert report.statuses == {
        "create/User/carol": "done",
        "create/Worker/bad": "failed",
        "create/Worker/good": "done",
        "create/Deployment/cores/bad": "skipped",
        "create/Deployment/cores/good": "done",
    }
    assert report.steps["create/Worker/bad"]["error"] == "Connection refused"
    assert "Worker/bad" in report.steps["create/Deployment/cores/bad"]["error"]
    assert report.json()["outcome"] == "failed"
    assert desk.center.writes().count("connectWorkers") == 1


@pytest.mark.ci
def test_a_failed_role_stops_only_its_users(desk: Desk):
    desk.write(
        document("Role", "one"), document("Role", "two"), user("carol", roles=["one"]), user("dave", roles=["two"])
    )
    desk.center.fault("createRole", {"status": 400, "body": '{"err": "Rights are wrong"}'})
    report = desk.apply("--parallelism", "1").ended(1)
    assert Counter(report.statuses.values()) == {"done": 2, "failed": 1, "skipped": 1}
    assert report.steps["create/Role/one"]["error"].endswith("Rights are wrong")
    assert "Role/one" in report.steps["create/User/carol"]["error"]
    desk.converges()


# --- replies that are lost

LOST = ["createRole", "createUser", "connectService", "connectWorkers", "deployWorkers", "uploadInstaller",
        "putSessionCookie", "putServiceSetting", "putAuditlogCleanup", "putSession"]  # fmt: skip
SENT_AGAIN = {"putAuditlogCleanup", "putSession"}  # nobody can see whether they were done, and twice is as good


@pytest.mark.parametrize("operation", mostly_ci(LOST, "createUser", "deployWorkers", "putSession"))
def test_a_reply_that_is_lost_is_read_back(example: Desk, operation: str):
    example.center.fault(operation, {"drop_reply": True})
    report = example.apply().ended(0).json()
    assert report["outcome"] == "converged"
    usual = {"createRole": 2, "createUser": 2, "connectService": 5}.get(operation, 1)
    assert example.center.counts()["operations"][operation] == usual + (operation in SENT_AGAIN)
    example.is_converged()


@pytest.mark.ci
@pytest.mark.parametrize(
    "operation", mostly_ci(["deleteUser", "deleteRole", "disconnectWorkers", "undeployWorkers"], "undeployWorkers")
)
def test_a_reply_to_a_deletion_that_is_lost_is_read_back(converged: Desk, operation: str):
    converged.run("forget", "User", "bob").ended(0)
    converged.run("adopt", "User", "bob").ended(0)  # without the wish to be kept, which its document had
    for file in ("users.yaml", "roles.yaml", "workers.yaml", "cores.yaml"):
        (converged.tree / file).unlink()
    converged.center.fault(operation, {"drop_reply": True})
    converged.converges("--prune", "--allow", "deletions=20")
    assert converged.center.names("users") == ["admin", "system"]
    assert converged.center.names("workers") == []


@pytest.mark.ci
def test_a_deletion_whose_reply_is_lost_is_sent_once(desk: Desk):
    desk.write(user("carol"), user("dave"), document("SessionCookie", "console", samesite="Lax"))
    desk.apply().ended(0)
    desk.write(user("dave"), document("SessionCookie", "console", samesite="Lax"))
    desk.center.fault("deleteUser", {"drop_reply": True})
    assert desk.converges("--prune").statuses == {"delete/User/carol": "done"}
    assert desk.center.writes().count("deleteUser") == 1
    assert "carol" not in desk.center.names("users")


LOST_REQUESTS = ["createUser", "connectWorkers", "putSessionCookie", "deployWorkers", "uploadInstaller"]


@pytest.mark.parametrize("operation", mostly_ci(LOST_REQUESTS, "connectWorkers"))
def test_a_request_that_is_lost_is_sent_again_after_a_look(example: Desk, operation: str):
    example.center.fault(operation, {"drop_request": True})
    assert example.apply("--parallelism", "1").ended(0).json()["outcome"] == "converged"
    example.is_converged()
    sent = [one["operationId"] for one in example.center.requests()]
    first = sent.index(operation)
    between = sent[first + 1 : sent.index(operation, first + 1)]
    reads = {"createUser": "listUsers", "connectWorkers": "listWorkers", "putSessionCookie": "getSessionCookie",
             "deployWorkers": "listWorkers", "uploadInstaller": "listInstallers"}  # fmt: skip
    assert reads[operation] in between


@pytest.mark.ci
@pytest.mark.parametrize("status", mostly_ci([500, 503], 503))
@pytest.mark.parametrize("processed", [False, True])
def test_a_server_fault_at_a_write(example: Desk, status: int, processed: bool):
    """Done or not done, the live side tells; it isn't done twice."""
    for operation in ("createUser", "connectWorkers", "connectService"):
        example.center.fault(operation, {"status": status, "processed": processed})
    example.converges()
    again = 0 if processed else 1
    counts = example.center.counts()["operations"]
    assert {name: counts[name] for name in ("createUser", "connectWorkers", "connectService")} == {
        "createUser": 2 + again,
        "connectWorkers": 1 + again,
        "connectService": 5 + again,
    }


@pytest.mark.ci
@pytest.mark.parametrize("status", mostly_ci([500, 503, 429], 429))
def test_a_server_fault_at_a_read(example: Desk, status: int):
    for operation in ("listUsers", "listWorkers"):
        example.center.fault(operation, {"status": status, "headers": {"Retry-After": "0"}}, times=2)
    plan = example.plan().ended(0).json()
    assert plan["blocked"] == []
    assert example.center.counts()["operations"]["listUsers"] == 3


@pytest.mark.ci
def test_patience_is_kept_at_a_write(desk: Desk):
    desk.write(user("carol"))
    desk.center.fault("createUser", {"status": 429, "headers": {"Retry-After": "1"}})
    report = desk.converges()
    times = [one["time"] for one in desk.center.requests() if one["operationId"] == "createUser"]
    assert times[1] - times[0] >= 1
    assert report.steps["create/User/carol"]["attempts"] == 2


@pytest.mark.ci
def test_a_write_that_always_fails_is_given_up(desk: Desk):
    desk.write(user("carol"), worker("w"))
    desk.center.fault("createUser", {"status": 500}, times=0)
    report = desk.apply().ended(1)
    assert report.statuses == {"create/User/carol": "failed", "create/Worker/w": "done"}
    assert desk.center.counts()["operations"]["createUser"] == 3


# --- bad reads


BAD_BODIES = ["<html>hello</html>", "null", '"text"', "[1]", '[{"name": "x"}]', "[" * 5000, ""]


@pytest.mark.parametrize("body", mostly_ci(BAD_BODIES, "null", "[" * 5000))
def test_nothing_is_written_after_a_bad_read(desk: Desk, body: str):
    desk.write(user("carol"), worker("w"))
    desk.center.fault("listUsers", {"body": body}, times=0)
    report = desk.apply().ended(3)
    assert set(report.rules.values()) == {"unreadable"}
    assert desk.center.writes() == ["connectWorkers"]


@pytest.mark.ci
def test_a_cut_body_is_read_again(desk: Desk):
    desk.write(user("carol"))
    desk.center.fault("listUsers", {"cut_body": 20})
    desk.converges()


@pytest.mark.ci
def test_a_redirect_is_never_followed(desk: Desk):
    desk.write(user("carol"))
    desk.center.fault("listUsers", {"redirect": f"{desk.center.url}/elsewhere"}, times=0)
    desk.apply().ended(1)
    assert "/elsewhere" not in [one["path"] for one in desk.center.requests()]
    assert desk.center.writes() == []


@pytest.mark.ci
def test_a_list_that_comes_back_empty_is_believed_after_a_second_look_only(converged: Desk):
    converged.center.fault("listWorkers", {"body": "[]", "content_type": "application/json"})
    report = converged.apply().ended(0).json()
    assert report["steps"] == []
    assert converged.center.writes() == []


# --- sessions


@pytest.mark.parametrize("skip", mostly_ci([14, 17, 20, 26], 17))
def test_a_session_that_expires(example: Desk, skip: int):
    example.center.fault(None, {"expire_session": True}, skip=skip)
    report = example.apply().ended(0).json()
    assert report["outcome"] == "converged"
    assert example.center.counts()["operations"]["login"] == 2
    example.is_converged()


@pytest.mark.ci
@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("skip", range(14, 60, 3))
def test_a_session_that_expires_at_any_call(make: MakeDesk, skip: int, status: int):
    desk = make(expired_session=status)
    desk.give_example()
    desk.center.fault(None, {"expire_session": True}, skip=skip)
    assert desk.apply().ended(0).json()["outcome"] == "converged"
    assert desk.center.counts()["operations"]["login"] <= 2
    desk.is_converged()


@pytest.mark.ci
def test_an_api_key_needs_no_session(desk: Desk):
    desk.write(user("carol"))
    key = {"RECONCILER_APIKEY": API_KEY, "RECONCILER_USER": "", "RECONCILER_PASSWORD": ""}
    assert desk.apply(env=key).ended(0).statuses == {"create/User/carol": "done"}
    assert "login" not in desk.center.counts()["operations"]
    assert "logout" not in desk.center.counts()["operations"]


@pytest.mark.ci
def test_credentials_from_files(desk: Desk):
    desk.write(user("carol"))
    (desk.secrets / "cc").write_text(PASSWORD + "\n")
    desk.plan(env={"RECONCILER_PASSWORD": "", "RECONCILER_PASSWORD_FILE": str(desk.secrets / "cc")}).ended(0)


# --- somebody else


@pytest.mark.ci
def test_what_somebody_else_creates_meanwhile_isnt_created_again(desk: Desk):
    """The user's list is read, and while the role is made somebody creates the user."""
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]))
    desk.center.fault("createRole", {"delay": 1.0})
    process = desk.start_apply()
    until(lambda: "createRole" in desk.center.writes(), "the role is being made")
    desk.center.edit("users", add={"name": "carol", "password": "x", "roles": []})
    report = desk.finished(process).ended(1)
    assert report.statuses == {"create/Role/analyst": "done", "create/User/carol": "failed"}
    assert "plan again" in report.steps["create/User/carol"]["error"]
    assert "createUser" not in desk.center.writes()


def test_what_somebody_else_changes_meanwhile_isnt_deleted(desk: Desk):
    """A deletion is decided on a read of its own."""
    rest = document("SessionCookie", "console", samesite="Lax")
    desk.write(rest, user("carol", email="a@example.com"), user("dave"))
    desk.apply().ended(0)
    desk.write(rest, user("dave"), worker("w"))
    desk.center.fault("listUsers", {"delay": 1.0}, skip=1)  # the read right before the deletion
    before = desk.center.last()
    process = desk.start_apply("--prune")
    until(lambda: desk.center.sent(before).count("listUsers") == 2, "it looks again")
    desk.center.edit("users", {"name": "carol"}, set={"email": "b@example.com"})
    report = desk.finished(process).ended(1)
    assert report.statuses == {"delete/User/carol": "failed", "create/Worker/w": "done"}
    assert "deleteUser" not in desk.center.writes()


@pytest.mark.ci
def test_an_id_that_belongs_to_another_now(desk: Desk):
    """The object that is ours is gone, and a namesake of somebody else's is there: it isn't ours to delete."""
    rest = document("SessionCookie", "console", samesite="Lax")
    desk.write(rest, user("carol"), user("dave"))
    desk.apply().ended(0)
    desk.center.edit("users", {"name": "carol"}, delete=True)
    desk.center.edit("users", add={"name": "carol", "password": "x", "roles": []})
    desk.write(rest, user("dave"))
    report = desk.apply("--prune").ended(0)
    assert report.steps == {}
    assert "deleteUser" not in desk.center.writes()
    assert "carol" in desk.center.names("users")


# --- what nobody can tell


def roles_in_the_dark(make: MakeDesk) -> Desk:
    """A role whose creation got no answer, on a server that lists no roles."""
    desk = make(role_list="404")
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]), worker("w"))
    desk.center.fault("createRole", {"drop_reply": True})
    return desk


def test_an_outcome_that_nobody_can_tell(make: MakeDesk):
    desk = roles_in_the_dark(make)
    report = desk.apply().ended(1)
    assert report.statuses == {
        "create/Role/analyst": "unknown",
        "create/User/carol": "skipped",
        "create/Worker/w": "done",
    }
    assert report.json()["outcome"] == "failed"
    assert desk.run("history").ended(0).out.rstrip().endswith("3 create; 1 skipped; 1 unknown")
    status = desk.status().ended(3).json()
    assert [one["objects"] for one in status["open"]] == [["Role/analyst"]]
    assert "outcome is unknown" in desk.run("status", "--offline").ended(3).out
    blocked = desk.plan().ended(3)
    assert blocked.rules["create/Role/analyst"] == "unknown-outcome"
    assert "adopt Role analyst --id ID" in next(
        one["remedy"] for one in blocked.json()["blocked"] if one["id"] == "create/Role/analyst"
    )
    assert desk.apply().code == 3
    assert desk.center.writes().count("createRole") == 1
    id = str(desk.center.named("roles", "analyst")["id"])
    desk.run("adopt", "Role", "analyst", "--id", id).ended(0)
    assert desk.status().ended(0).json()["open"] == []
    desk.converges()
    assert desk.center.writes().count("createRole") == 1
    assert desk.center.named("users", "carol")["roles"] == [id]


@pytest.mark.ci
def test_an_unknown_outcome_settles_itself_once_roles_can_be_listed(make: MakeDesk):
    desk = roles_in_the_dark(make)
    desk.apply().ended(1)
    desk.center.options(role_list="list")
    desk.converges()
    assert desk.center.writes().count("createRole") == 1
    assert desk.status().ended(0).json()["open"] == []


@pytest.mark.ci
def test_a_user_shows_that_a_role_was_made(make: MakeDesk):
    """Without a list of roles, users that hold it by name do as well."""
    desk = make(role_list="405", user_roles="names")
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]))
    desk.converges()
    (desk.folder / "state").rename(desk.folder / "lost")
    (desk.folder / "state").mkdir()
    before = desk.center.last()
    desk.is_converged()
    desk.apply().ended(0)
    assert desk.center.writes(before) == []
