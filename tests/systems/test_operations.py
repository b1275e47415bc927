"""Each operation of the reference has a caller in the product, and each call is one of the OpenAPI document's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from reconciler.secret import Seal, Secret
from reconciler.systems.base import Verb
from reconciler.systems.metadefender.auth import ControlCenterAuth, login
from reconciler.systems.metadefender.cleanup import RANGES
from reconciler.systems.metadefender.deployment import fetch_available, fetch_upgradable
from reconciler.systems.metadefender.service import TYPES, fetch_status
from reconciler.wire import Request, Session
from tests.systems.kit import (
    KEYRING,
    LIVE,
    ROOT,
    SYSTEM,
    TARGET,
    Turns,
    deployment,
    doc,
    facts,
    five,
    live_five,
    live_installer,
    live_role,
    live_user,
    live_worker,
    perform,
    role,
    run,
    service,
    shape,
    user,
    view,
    worker,
)

# Copied by hand from the reference, in its order.
REFERENCE = """
POST   /login                              login
POST   /logout                             logout
POST   /admin/user                         createUser
GET    /admin/user                         listUsers
DELETE /admin/user/{user_id}               deleteUser
POST   /user/changepassword                changePassword
GET    /admin/userdirectory                listUserDirectories
POST   /admin/role                         createRole
DELETE /admin/role/{role_id}               deleteRole
PUT    /admin/config/auditlog/cleanup      putAuditlogCleanup
PUT    /admin/config/filestorage/cleanup   putFilestorageCleanup
PUT    /admin/config/warehouse/cleanup     putWarehouseCleanup
PUT    /admin/config/scanhistory/cleanup   putScanhistoryCleanup
PUT    /admin/config/session               putSession
GET    /admin/config/sessioncookie         getSessionCookie
PUT    /admin/config/sessioncookie         putSessionCookie
POST   /admin/worker                       connectWorkers
GET    /admin/worker                       listWorkers
DELETE /admin/worker                       disconnectWorkers
GET    /admin/worker/available/{id}        listAvailableWorkers
POST   /admin/worker/deploy                deployWorkers
DELETE /admin/worker/deploy                undeployWorkers
POST   /admin/worker/upgrade               upgradeWorkers
GET    /admin/worker/upgrade/version       listUpgradableVersions
POST   /admin/service                      connectService
GET    /admin/service                      listServices
PUT    /admin/service/{service_id}         editService
DELETE /admin/service/{service_id}         removeService
GET    /admin/service/{service_type}       getServiceByType
PUT    /admin/service/{service_type}/setting  putServiceSetting
GET    /admin/service/{service_type}/setting  getServiceSetting
POST   /admin/installer                    uploadInstaller
GET    /admin/installer                    listInstallers
DELETE /admin/installer/{installer_id}     deleteInstaller
"""
PROBES = {"readyz", "listRoles", "getSession", *(f"get{range.capitalize()}Cleanup" for range in RANGES)}
WRITES_WITHOUT_EFFECT = {"login", "logout"}

Called = tuple[str, str, str]


def reference() -> list[Called]:
    return [(line.split()[2], line.split()[0], line.split()[1]) for line in REFERENCE.strip().splitlines()]


@cache
def documented() -> dict[Called, dict[str, Any]]:
    """The OpenAPI document's operations, with parameters written as ``{}``."""
    paths = yaml.safe_load((ROOT / "reconciler" / "emulator" / "openapi.yaml").read_text())["paths"]
    return {
        (operation["operationId"], method.upper(), bare(path)): operation
        for path, item in paths.items()
        for method, operation in item.items()
        if method != "parameters"
    }


def bare(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def test_the_reference_has_34_operations_on_24_paths() -> None:
    """The two templates of ``/admin/service/{…}`` are one path."""
    assert len(reference()) == 34
    assert len({bare(path) for _, _, path in reference()}) == 24


def test_the_openapi_document_is_the_reference_and_the_probes() -> None:
    published = {one for one, operation in documented().items() if "x-undocumented" not in operation}
    assert published == {(name, method, bare(path)) for name, method, path in reference()}
    assert {one[0] for one, operation in documented().items() if "x-undocumented" in operation} >= PROBES


# --- everything that the product asks


def changes() -> Iterator[Request]:
    """Every verb of every kind."""
    fresh = view(
        role("r", {"users": ["read"]}),
        user("u", "administrator"),
        service("cache"),
        worker("w"),
        doc("Installer", "i", {"file": "ometascan-5.15.0-1-x64.msi"}),
        files=facts("ometascan-5.15.0-1-x64.msi"),
    )
    listed = Turns([{"i-1": live_installer("5.15.0")}])
    yield from perform(fresh, Verb.CREATE, "Role", "r", {"createRole": {"id": 9}})[1]
    yield from perform(fresh, Verb.CREATE, "User", "u", {"createUser": {}})[1]
    answers = {"connectService": [{"result": "ok", "service_id": "s"}], "editService": {}}
    yield from perform(fresh, Verb.CREATE, "Service", "cache", answers)[1]
    yield from perform(fresh, Verb.CREATE, "Worker", "w", {"connectWorkers": []})[1]
    upload = {"uploadInstaller": {"installer_id": "i-1"}, "listInstallers": listed}
    yield from perform(fresh, Verb.CREATE, "Installer", "i", upload)[1]
    yield from _on_what_is_there()
    yield from _settings()


def _on_what_is_there() -> Iterator[Request]:
    password = {"password": {"secret": "new"}, "previous_password": {"secret": "old"}}
    there = view(
        user("u", **password),
        *five(caching={"host": "elsewhere"}),
        worker("w"),
        deployment("d", "w", version="5.16.0"),
        live={
            "listUsers": [live_user(1, "admin", [1]), live_user(5, "u")],
            "listRoles": [live_role(3, "gone")],
            "listServices": live_five(),
            "listWorkers": [live_worker("w", "5.15.0")],
            "listInstallers": {"i-1": live_installer("5.16.0")},
        },
    )
    session = {"session_id": "abc", "oms-csrf-token": "t"}
    changed = {"login": session, "changePassword": {"success": True}, "logout": {}}
    yield from perform(there, Verb.UPDATE, "User", "u", changed, "password")[1]
    yield from perform(there, Verb.DELETE, "User", "admin", {"deleteUser": {}})[1]
    yield from perform(there, Verb.DELETE, "Role", "gone", {"deleteRole": {}})[1]
    yield from perform(there, Verb.UPDATE, "Service", "caching", {"editService": {}}, "host")[1]
    yield from perform(there, Verb.DELETE, "Service", "broker", {"removeService": {}})[1]
    yield from perform(there, Verb.DELETE, "Worker", "w", {"disconnectWorkers": {}})[1]
    yield from perform(there, Verb.DELETE, "Installer", "ometascan-5.16.0-1-x64.msi", {"deleteInstaller": {}})[1]
    available = {"listAvailableWorkers": [live_worker("w")], "deployWorkers": {}}
    yield from perform(there, Verb.CREATE, "Deployment", "d/w", available)[1]
    yield from perform(there, Verb.DELETE, "Deployment", "d/w", {"undeployWorkers": {}})[1]
    upgrade = {"listUpgradableVersions": {"ometascan": ["5.16.0"]}, "upgradeWorkers": {}}
    yield from perform(there, Verb.UPGRADE, "Deployment", "d/w", upgrade)[1]


def _settings() -> Iterator[Request]:
    seen = view(
        doc("Session", "s", {"sessionTimeout": 60_000}),
        doc("SessionCookie", "c", {"samesite": "Strict"}),
        doc("Cleanup", "r", dict.fromkeys(RANGES, 7)),
        doc("ServiceSetting", "filestorage", {"max_replica": 2}),
    )
    yield from perform(seen, Verb.UPDATE, "Session", "s", {"putSession": {}}, "sessionTimeout")[1]
    yield from perform(seen, Verb.UPDATE, "SessionCookie", "c", {"putSessionCookie": {}}, "samesite")[1]
    answers: dict[str, Any] = {f"put{range.capitalize()}Cleanup": {} for range in RANGES}
    yield from perform(seen, Verb.UPDATE, "Cleanup", "r", answers, *RANGES)[1]
    yield from perform(seen, Verb.UPDATE, "ServiceSetting", "filestorage", {"putServiceSetting": {}}, "max_replica")[1]


def reads() -> Iterator[Request]:
    """Every collection, and what is asked on the way."""
    seal = Seal(TARGET, KEYRING)
    for collection in SYSTEM.collections.values():
        yield from run(collection.fetch(seal), LIVE)[1]
    yield from run(fetch_upgradable(), {"listUpgradableVersions": {}})[1]
    for type in TYPES:
        yield from run(fetch_status(type), {"getServiceByType": {"status": "Connected"}})[1]
    yield from run(fetch_available("i/1"), {"listAvailableWorkers": []})[1]


def sessions() -> Iterator[Request]:
    """Login and logout."""
    auth = ControlCenterAuth("admin", Secret("pw"), None)
    yield from run(auth.login(), {"login": {"session_id": "abc"}})[1]
    yield from run(auth.logout(), {"logout": {}})[1]
    yield auth.probe()
    yield SYSTEM.preflight()


ASKED = [*changes(), *reads(), *sessions()]


def operation_of(request: Request) -> Called | None:
    """The documented operation with this request's name, method and path."""
    for called in documented():
        name, method, path = called
        if (name, method) == (request.operation, request.method):
            pattern = re.escape(path).replace(re.escape("{}"), "[^/?]+")
            if re.fullmatch(pattern, request.path.partition("?")[0]):
                return called
    return None


@pytest.mark.parametrize("request_", ASKED, ids=lambda one: f"{one.operation}:{one.path}")
def test_each_request_is_a_documented_operation(request_: Request) -> None:
    called = operation_of(request_)
    assert called is not None, shape(request_)
    operation = documented()[called]
    assert (isinstance(request_.body, bytes) or request_.body is not None) == ("requestBody" in operation)


def test_each_operation_of_the_reference_has_a_caller() -> None:
    assert {request.operation for request in ASKED} == {name for name, _, _ in reference()} | PROBES


@pytest.mark.parametrize("request_", ASKED, ids=lambda one: f"{one.operation}:{one.path}")
def test_a_request_says_whether_it_writes_and_with_which_session(request_: Request) -> None:
    changes_something = request_.method != "GET" and request_.operation not in WRITES_WITHOUT_EFFECT
    assert request_.write == changes_something
    if request_.operation in ("login", "readyz"):
        assert request_.session is Session.NONE
    elif request_.operation == "changePassword":
        assert request_.session not in (Session.OURS, Session.NONE)
    elif request_.operation != "logout":
        assert request_.session is Session.OURS


def test_an_id_is_quoted_in_a_path() -> None:
    assert run(fetch_available("a/b?c"), {"listAvailableWorkers": []})[1][0].path == "/admin/worker/available/a%2Fb%3Fc"
    assert run(fetch_status("a/b"), {"getServiceByType": 404})[1][0].path == "/admin/service/a%2Fb"


def test_a_login_sends_the_password_and_keeps_the_token() -> None:
    headers, asked = run(login("admin", Secret("pw")), {"login": {"session_id": "abc", "oms-csrf-token": "t"}})
    assert json.loads(asked[0].body) == {"user": "admin", "password": "pw"}  # type: ignore[arg-type]
    assert {name: value.reveal() for name, value in headers.items()} == {"apikey": "abc", "oms-csrf-token": "t"}
