"""openapi.yaml, the routes and the answers tell the same story, and it is the reference's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from reconciler.emulator.metadefender import schema
from reconciler.emulator.metadefender.operations import OPERATIONS
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.routes import Routes
from tests.emulator.center import NEWER, Center, Make

# Copied by hand from the reference: neither the document nor the routes may be what these come from.
REFERENCE = """
login                   POST    /login
logout                  POST    /logout
createUser              POST    /admin/user
listUsers               GET     /admin/user
deleteUser              DELETE  /admin/user/{user_id}
changePassword          POST    /user/changepassword
listUserDirectories     GET     /admin/userdirectory
createRole              POST    /admin/role
deleteRole              DELETE  /admin/role/{role_id}
putAuditlogCleanup      PUT     /admin/config/auditlog/cleanup
putFilestorageCleanup   PUT     /admin/config/filestorage/cleanup
putWarehouseCleanup     PUT     /admin/config/warehouse/cleanup
putScanhistoryCleanup   PUT     /admin/config/scanhistory/cleanup
putSession              PUT     /admin/config/session
getSessionCookie        GET     /admin/config/sessioncookie
putSessionCookie        PUT     /admin/config/sessioncookie
connectWorkers          POST    /admin/worker
listWorkers             GET     /admin/worker
disconnectWorkers       DELETE  /admin/worker
listAvailableWorkers    GET     /admin/worker/available/{installer_id}
deployWorkers           POST    /admin/worker/deploy
undeployWorkers         DELETE  /admin/worker/deploy
upgradeWorkers          POST    /admin/worker/upgrade
listUpgradableVersions  GET     /admin/worker/upgrade/version
connectService          POST    /admin/service
listServices            GET     /admin/service
editService             PUT     /admin/service/{service}
removeService           DELETE  /admin/service/{service}
getServiceByType        GET     /admin/service/{service}
putServiceSetting       PUT     /admin/service/{service_type}/setting
getServiceSetting       GET     /admin/service/{service_type}/setting
uploadInstaller         POST    /admin/installer
listInstallers          GET     /admin/installer
deleteInstaller         DELETE  /admin/installer/{installer_id}
"""
PROBED = """
readyz                  GET     /readyz
listRoles               GET     /admin/role
getAuditlogCleanup      GET     /admin/config/auditlog/cleanup
getFilestorageCleanup   GET     /admin/config/filestorage/cleanup
getWarehouseCleanup     GET     /admin/config/warehouse/cleanup
getScanhistoryCleanup   GET     /admin/config/scanhistory/cleanup
getSession              GET     /admin/config/session
"""
# The statuses that the reference lists, where they aren't 200, 403, 405 and 500 alone.
STATUSES = {
    "login": "200 403 500",
    "logout": "200 400 403 500",
    "createUser": "200 400 403 405 500",
    "deleteUser": "200 403 404 405 500",
    "changePassword": "200 400 403 405 500",
    "createRole": "200 400 403 405 500",
    "deleteRole": "200 400 403 404 405 500",
    "putSessionCookie": "200 403 404 500",
    "connectWorkers": "200 400 403 405 500",
    "listWorkers": "200 400 403 405 500",
    "disconnectWorkers": "200 400 403 405 500",
    "listAvailableWorkers": "200 400 403 404 405 500",
    "deployWorkers": "200 400 403 405 500",
    "undeployWorkers": "200 400 403 405 500",
    "upgradeWorkers": "200 400 403 405 500",
    "listUpgradableVersions": "200 400 403 405 500",
    "connectService": "200 400 403 405 500",
    "listServices": "200 400 403 405 500",
    "editService": "200 400 403 404 405 500",
    "removeService": "200 400 403 404 405 500",
    "getServiceByType": "200 400 403 404 405 500",
    "putServiceSetting": "200 400 403 404 405 500",
    "getServiceSetting": "200 400 403 404 405 500",
    "uploadInstaller": "200 400 403 405 500",
    "listInstallers": "200 400 403 404 500",
    "deleteInstaller": "200 400 403 404 405 500",
}


def rows(table: str) -> set[tuple[str, str, str]]:
    return {tuple(line.split()) for line in table.strip().splitlines()}  # type: ignore[misc]


def documented() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for path, item in schema.document()["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield operation["operationId"], method.upper(), path, operation


def test_the_reference_has_34_operations_on_24_paths():
    assert len(rows(REFERENCE)) == 34
    assert len({path for _, _, path in rows(REFERENCE)}) == 24


def test_document_is_valid():
    validate(schema.document())


def test_document_has_exactly_these_operations():
    marked = {(name, method, path) for name, method, path, what in documented() if what.get("x-undocumented")}
    assert {row[:3] for row in documented()} - marked == rows(REFERENCE)
    assert marked == rows(PROBED)


def test_routes_are_exactly_these_operations():
    assert {(one.id, one.method, one.path) for one in OPERATIONS} == rows(REFERENCE) | rows(PROBED)
    assert len(OPERATIONS) == 41


@pytest.mark.parametrize(("name", "method", "path"), sorted(rows(REFERENCE) | rows(PROBED)))
def test_each_request_finds_its_operation(name: str, method: str, path: str):
    operation, params = Routes(OPERATIONS).find(method, path.replace("{", "").replace("}", ""))
    assert operation.id == name
    assert list(params) == [part.strip("{}") for part in path.split("/") if part.startswith("{")]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/login", 405), ("GET", "/admin/user/", 404)])
def test_other_requests_find_none(method: str, path: str, status: int):
    with pytest.raises(Refusal) as refusal:
        Routes(OPERATIONS).find(method, path)
    assert refusal.value.status == status


def test_statuses_are_the_references():
    for name, _, _, operation in documented():
        if operation.get("x-undocumented"):
            continue
        listed = {
            status
            for status, answer in operation["responses"].items()
            if not answer.get("$ref", "").rpartition("/")[2].startswith("Undocumented")
        }
        assert listed == set(STATUSES.get(name, "200 403 405 500").split()), name


def test_only_login_and_readyz_need_no_session():
    open_ones = {name for name, _, _, operation in documented() if operation.get("security") == []}
    assert open_ones == {"login", "readyz"} == {one.id for one in OPERATIONS if one.area is None}


def answers(center: Center) -> Iterator[tuple[str, Any]]:
    """The answer of every operation, in an order in which each succeeds."""
    yield "readyz", center.ok("GET", "/readyz?verbose=true")
    yield "login", (session := center.ok("POST", "/login", {"user": "admin", "password": "admin"}))
    yield "logout", center.ok("POST", "/logout", headers={"apikey": session["session_id"]})
    yield from settings(center)
    yield from accounts(center)
    yield from infrastructure(center)
    yield from instances(center)


def settings(center: Center) -> Iterator[tuple[str, Any]]:
    for name in ("auditlog", "filestorage", "warehouse", "scanhistory"):
        path = f"/admin/config/{name}/cleanup"
        yield f"put{name.capitalize()}Cleanup", center.ok("PUT", path, {"cleanuprange": 5})
        yield f"get{name.capitalize()}Cleanup", center.ok("GET", path)
    yield "putSession", center.ok("PUT", "/admin/config/session", {"sessionTimeout": 60000})
    yield "getSession", center.ok("GET", "/admin/config/session")
    yield "putSessionCookie", center.ok("PUT", "/admin/config/sessioncookie", {"samesite": "Strict"})
    yield "getSessionCookie", center.ok("GET", "/admin/config/sessioncookie")


def accounts(center: Center) -> Iterator[tuple[str, Any]]:
    yield "createRole", (role := center.ok("POST", "/admin/role", {"name": "analyst"}))
    yield "listRoles", center.ok("GET", "/admin/role")
    yield "createUser", center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["analyst"]})
    yield "listUsers", (users := center.ok("GET", "/admin/user"))
    yield "listUserDirectories", center.ok("GET", "/admin/userdirectory")
    change = {"old_password": "admin", "new_password": "other"}
    yield "changePassword", center.ok("POST", "/user/changepassword", change)
    yield "deleteUser", center.ok("DELETE", f"/admin/user/{users[-1]['id']}")
    yield "deleteRole", center.ok("DELETE", f"/admin/role/{role['id']}")


def infrastructure(center: Center) -> Iterator[tuple[str, Any]]:
    extra = {"type": "caching", "host": "other", "port": 1}
    yield "connectService", (results := center.ok("POST", "/admin/service", [extra, extra]))
    yield "listServices", center.ok("GET", "/admin/service")
    yield "getServiceByType", center.ok("GET", "/admin/service/caching")
    path = f"/admin/service/{results[0]['service_id']}"
    yield "editService", center.ok("PUT", path, {"display_name": "cache"})
    yield "removeService", center.ok("DELETE", path)
    yield "putServiceSetting", center.ok("PUT", "/admin/service/filestorage/setting", {"max_replica": 2})
    yield "getServiceSetting", center.ok("GET", "/admin/service/filestorage/setting")
    worker = {"host": "third", "port": 8893, "connection_key": "k"}
    yield "connectWorkers", (results := center.ok("POST", "/admin/worker", [worker, worker]))
    yield "disconnectWorkers", center.ok("DELETE", "/admin/worker", [results[0]["worker_id"]])


def instances(center: Center) -> Iterator[tuple[str, Any]]:
    answer = center.ok("POST", "/admin/installer", content=b"x", headers={"filename": NEWER})
    yield "uploadInstaller", answer
    yield "listInstallers", center.ok("GET", "/admin/installer")
    yield "listAvailableWorkers", center.ok("GET", f"/admin/worker/available/{answer['installer_id']}")
    yield "listUpgradableVersions", center.ok("GET", "/admin/worker/upgrade/version")
    yield "upgradeWorkers", center.ok("POST", "/admin/worker/upgrade", {"type": "ometascan", "version": "5.16.0"})
    free = center.workers()["worker-2"]["worker_id"]
    yield "deployWorkers", center.deploy([free], answer["installer_id"])
    yield "listWorkers", center.ok("GET", "/admin/worker")
    center.world.clock.advance(10)
    yield "undeployWorkers", center.ok("DELETE", "/admin/worker/deploy", [free])
    center.world.clock.advance(10)
    yield "deleteInstaller", center.ok("DELETE", f"/admin/installer/{center.upload('ometascan-6.0.0.deb', b'y')}")


def response_schema(name: str, status: str = "200") -> dict[str, Any]:
    document = schema.document()
    operation = next(operation for found, _, _, operation in documented() if found == name)
    answer = operation["responses"][status]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return {**answer["content"]["application/json"]["schema"], "components": document["components"]}


SWITCHED: list[dict[str, str]] = [
    {},
    {"worker_list": "map", "available_list": "map", "id_type": "string", "samesite": "number", "user_roles": "names"},
    {"worker_list": "wrapped", "available_list": "wrapped", "worker_id_field": "id", "status_words": "Running"},
]


@pytest.mark.parametrize("switched", SWITCHED, ids=["default", "map", "wrapped"])
def test_every_answer_fits_the_document(make: Make, switched: dict[str, str]):
    center = make("deployed", cleanup_get="value", session_get="value", **switched)
    plain = {"worker_list": "list", "worker_id_field": "worker_id"}
    between = {
        # a service can be edited and removed only while nothing is deployed
        "deleteRole": lambda: set_status(center, "Available"),
        "disconnectWorkers": lambda: set_status(center, "Deployed"),
        # the story looks a worker up by its name, in the default shape
        "upgradeWorkers": lambda: center.set(**plain),
        "deployWorkers": lambda: center.set(**{**plain, **switched}),
    }
    told = set()
    for name, answer in answers(center):
        jsonschema.validate(answer, response_schema(name), jsonschema.Draft202012Validator)
        told.add(name)
        between.get(name, lambda: None)()
    assert told == {name for name, _, _ in rows(REFERENCE) | rows(PROBED)}


def set_status(center: Center, status: str) -> None:
    order = {"collection": "workers", "match": {"display_name": "worker-1"}, "set": {"status": status}}
    center.ok("POST", "/_emulator/edit", order)


def test_errors_fit_the_document(center: Center):
    refused = [
        ("createUser", "400", center.ask("POST", "/admin/user", {})),
        ("login", "403", center.ask("POST", "/login", {"user": "admin", "password": "wrong"})),
        ("deleteRole", "404", center.ask("DELETE", "/admin/role/9")),
        ("putSession", "400", center.ask("PUT", "/admin/config/session", {"sessionTimeout": 1})),
    ]
    for name, status, response in refused:
        assert str(response.status_code) == status
        jsonschema.validate(response.json(), response_schema(name, status), jsonschema.Draft202012Validator)


BODIES: list[Any] = [
    None, True, 0, 1.0, 1.5, "", "x", [], {}, [{}], {"cleanuprange": 0}, {"cleanuprange": -1}, {"cleanuprange": True},
    {"cleanuprange": 2.0}, {"cleanuprange": "1"}, {"cleanuprange": 1, "x": 1}, {"sessionTimeout": 60000},
    {"sessionTimeout": 59999}, {"absoluteSessionTimeout": 0}, {"absoluteSessionTimeout": 1},
    {"absoluteSessionTimeout": 300000}, {"samesite": "Lax"}, {"samesite": "lax"}, {"samesite": 3}, {"samesite": 2},
    {"name": "n", "password": "p"}, {"name": "", "password": "p"}, {"name": "n"},
    {"name": "n", "password": "p", "description": "d" * 257}, {"name": "n", "password": "p", "roles": [1]},
    {"name": "n", "password": "p", "api_key": "0a" * 18 + "\n"}, {"name": "n", "password": "p", "api_key": "0a" * 18},
    {"name": "n", "password": "p", "ui_settings": {"refresh_rate": -1}}, {"name": "n", "rights": {"a": ["read"]}},
    {"name": "n", "rights": {"a": "read"}}, ["a"], [1], [{"host": "h", "port": 1, "connection_key": "k"}],
    [{"host": "h", "port": 0, "connection_key": "k"}], [{"host": "h", "port": 65536, "connection_key": "k"}],
    {"type": "broker", "host": "h", "port": 1}, [{"type": "broker", "host": "h", "port": 1}],
    {"type": "other", "host": "h", "port": 1}, {"display_name": "x"}, {"config": {"host": "h", "port": 1}},
    {"config": {"host": "h"}}, {"storage": {"type": "salt"}}, {"storage": {"type": "s3"}}, {"min_replica": 0},
    {"type": "ometascan", "version": "1.0"}, {"type": "ometascan", "installer_id": "i", "worker": ["w"]},
    {"type": "ometascan", "installer_id": "i", "worker": []}, {"user": "u", "password": "p"},
    {"type": "ometascan", "installer_id": "i", "worker": ["w"], "config": {"log_level": "loud"}},
    {"old_password": "a", "new_password": "b"}, {"old_password": "a", "new_password": ""},
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(schema.body_schemas()))
def test_bodies_are_judged_as_a_full_validator_would(name: str):
    """The emulator's own small checker against jsonschema, for each body of each operation."""
    wanted = {**schema.body_schemas()[name], "components": schema.document()["components"]}
    validator = jsonschema.Draft202012Validator(wanted)
    judged = [(schema.problem(schema.body_schemas()[name], body) is None) for body in BODIES]
    # jsonschema's "$" lets a trailing newline pass, Python's own meaning of it.
    expected = [validator.is_valid(body) and "\n" not in str(body.get("api_key") if isinstance(body, dict) else "")
                for body in BODIES]  # fmt: skip
    assert judged == expected
    assert any(judged)


def test_an_unknown_keyword_is_no_silent_yes():
    with pytest.raises(NotImplementedError):
        schema.problem({"uniqueItems": True}, [])
