"""How many requests it takes, and that nothing is done twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.e2e.kit import Desk, document, mostly_ci, user

COLLECTIONS = [
    "getAuditlogCleanup",
    "getFilestorageCleanup",
    "getScanhistoryCleanup",
    "getServiceSetting",
    "getSession",
    "getSessionCookie",
    "getWarehouseCleanup",
    "listInstallers",
    "listRoles",
    "listServices",
    "listUserDirectories",
    "listUsers",
    "listWorkers",
]
# A worker is connected with the others, each cleanup range and each other object takes one request.
OBJECTS = {
    "connectService": 5,
    "connectWorkers": 1,
    "createRole": 2,
    "createUser": 2,
    "deployWorkers": 1,
    "putAuditlogCleanup": 1,
    "putFilestorageCleanup": 1,
    "putScanhistoryCleanup": 1,
    "putServiceSetting": 1,
    "putSession": 1,
    "putSessionCookie": 1,
    "putWarehouseCleanup": 1,
    "uploadInstaller": 1,
}


def test_a_plan_without_changes_reads_each_collection_once(converged: Desk):
    plan = converged.plan("--detailed-exitcode").ended(0).json()
    operations = [one["operationId"] for one in converged.center.requests()]
    assert operations[0] == "login"
    assert operations[-1] == "logout"
    assert sorted(operations[1:-1]) == COLLECTIONS
    assert plan["calls"] == {"GET": len(COLLECTIONS), "POST": 0, "PUT": 0, "DELETE": 0}


@pytest.mark.ci
def test_an_apply_without_changes_reads_each_collection_once(converged: Desk):
    report = converged.apply().ended(0).json()
    assert sorted(converged.center.sent()) == COLLECTIONS
    assert report["calls"] == {"GET": len(COLLECTIONS), "POST": 0, "PUT": 0, "DELETE": 0}


@pytest.mark.ci
def test_only_what_documents_need_is_read(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    desk.plan().ended(0)
    assert desk.center.sent() == ["getSessionCookie"]


@pytest.mark.ci
def test_what_is_owned_is_read_though_no_document_is_left(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"), user("carol"))
    desk.apply().ended(0)
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    desk.center.clear()
    desk.plan().ended(0)
    assert sorted(desk.center.sent()) == ["getSessionCookie", "listRoles", "listUserDirectories", "listUsers"]


def test_the_example_takes_no_more_writes_than_it_has_objects(requests: list[dict[str, Any]]):
    writes = Counter(one["operationId"] for one in requests if one["method"] != "GET")
    assert writes == {**OBJECTS, "login": 1, "logout": 1}


def test_a_plan_sends_only_reads(example: Desk):
    plan = example.plan().ended(0).json()
    assert plan["summary"]["create"] == 15
    assert sorted(example.center.sent()) == COLLECTIONS
    assert [one["operationId"] for one in example.center.requests() if one["method"] != "GET"] == ["login", "logout"]
    assert not list((example.folder / "state").iterdir())


def test_the_forecast_is_what_is_sent(example: Desk, report: dict[str, Any]):
    """Both begin with a server on which nothing is; the writes are also held against the server's own log."""
    forecast = example.plan().ended(0).json()["calls"]
    assert report["calls"] == forecast
    methods = Counter("DELETE" if name.startswith("delete") else "PUT" if name.startswith("put") else "POST" for name in
                      Counter(OBJECTS).elements())  # fmt: skip
    assert {name: forecast[name] for name in ("POST", "PUT", "DELETE")} == {
        name: methods[name] for name in ("POST", "PUT", "DELETE")
    }


def test_a_second_apply_writes_nothing(converged: Desk):
    report = converged.apply().ended(0).json()
    assert report["outcome"] == "converged"
    assert converged.center.writes() == []


def test_what_was_taken_away_comes_back(converged: Desk):
    """A user, the role that only it held, and a worker without an instance."""
    converged.center.edit("users", {"name": "bob"}, delete=True)
    converged.center.edit("roles", {"name": "cluster-operator"}, delete=True)
    converged.center.edit("workers", {"display_name": "worker-3"}, delete=True)
    plan = converged.plan("--detailed-exitcode").ended(2)
    assert [*plan.steps] == ["create/Role/cluster-operator", "create/Worker/worker-3", "create/User/bob"]
    converged.converges()


EDITS: dict[str, tuple[str, dict[str, str], dict[str, Any], str]] = {
    "session-cookie": ("settings", {"name": "sessioncookie"}, {"samesite": "None"}, "update/SessionCookie/console"),
    "storage": ("settings", {"name": "servicesetting"}, {"max_replica": 5}, "update/ServiceSetting/filestorage"),
    "cleanup": ("settings", {"name": "auditlog"}, {"cleanuprange": 7}, "update/Cleanup/retention"),
    "session": ("settings", {"name": "session"}, {"sessionTimeout": 60000}, "update/Session/logins"),
    "user": ("users", {"name": "alice"}, {"email": "else@example.com"}, "replace/User/alice"),
    "role": ("roles", {"name": "soc-analyst"}, {"display_name": "Else"}, "replace/Role/soc-analyst"),
    "worker": ("workers", {"display_name": "worker-3"}, {"display_name": "else"}, "replace/Worker/worker-3"),
}


@pytest.mark.parametrize("edit", mostly_ci(EDITS, "cleanup", "role"))
def test_what_was_changed_by_hand_is_put_right(converged: Desk, edit: str):
    collection, match, change, step = EDITS[edit]
    converged.center.options(cleanup_get="value", session_get="value")
    assert converged.center.edit(collection, match, set=change) == 1
    plan = converged.plan("--detailed-exitcode", "--allow", "replace", "--allow", "deletions=9").ended(2)
    assert step in plan.steps
    converged.converges("--allow", "replace", "--allow", "deletions=9")


@pytest.mark.ci
def test_a_service_that_was_changed_by_hand_is_put_right(make: Any):
    desk = make()
    desk.give_example()
    for file in ("cores.yaml", "workers.yaml"):
        (desk.tree / file).unlink()
    desk.converges()
    desk.center.edit("services", {"display_name": "cache"}, set={"host": "elsewhere.internal"})
    assert "update/Service/cache" in desk.plan().ended(0).steps
    desk.converges()
    assert desk.center.named("services", "cache")["host"] == "redis.internal"


@pytest.mark.ci
def test_an_installer_that_was_taken_away_comes_back(make: Any):
    desk = make()
    desk.give_example()
    desk.write((desk.tree / "cores.yaml").read_text().split("\n---\n")[0], file="cores.yaml")
    desk.converges()
    desk.center.edit("installers", {}, delete=True)
    assert [*desk.plan().ended(0).steps] == ["create/Installer/core-5.15"]
    desk.converges()


@pytest.mark.ci
def test_an_instance_that_was_undeployed_by_hand_comes_back(converged: Desk):
    converged.center.edit("workers", {"display_name": "worker-2"}, set={"status": "Available", "instance": None})
    assert [*converged.plan().ended(0).steps] == ["create/Deployment/cores/worker-2"]
    converged.converges()
    assert converged.center.instances() == {"worker-1": "5.15.0", "worker-2": "5.15.0"}
