"""What each kind asks and makes of the answers, each open point both ways."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import BadReply, InputError, LoginRefused, NoRights, NotFound, Refused, ServerFault
from reconciler.memory import Memory, Owned
from reconciler.secret import Keyring, Seal, Secret
from reconciler.systems.base import Result, Said, Verb, Waiting, Work
from reconciler.systems.metadefender.assumptions import ASSUMPTIONS
from reconciler.systems.metadefender.auth import ControlCenterAuth, login
from reconciler.systems.metadefender.deployment import fetch_available, fetch_upgradable
from reconciler.systems.metadefender.service import fetch_status
from reconciler.systems.replies import error_text
from reconciler.systems.view import NotOffered, View
from reconciler.wire import AsUser, Request
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    KEYRING,
    LIVE,
    SHA,
    SYSTEM,
    TARGET,
    Turns,
    again,
    body,
    deployment,
    doc,
    facts,
    fetched,
    file_body,
    live_five,
    live_installer,
    live_role,
    live_user,
    live_worker,
    perform,
    raw,
    role,
    run,
    service,
    shape,
    user,
    view,
    work_on,
    worker,
)

DONE, REFUSED, UNCLEAR = Said.DONE, Said.REFUSED, Said.UNCLEAR


# --- roles


@pytest.mark.parametrize("status", [404, 405])
def test_roles_that_are_not_listed_are_not_offered(status: int) -> None:
    assert fetched("roles", {"listRoles": status}) == NotOffered(f"GET /admin/role answers {status}")
    memory = Memory(lineage="l", owned={("Role", ("ops",)): Owned("Role", ("ops",), "2", "ops", "ops")})
    users = [live_user(1, "admin", [1]), live_user(5, "alice", ["2", "dev"])]
    seen = view(live={"listRoles": status, "listUsers": users}, memory=memory)
    assert [(one.name, one.id) for one in seen.live("Role")] == [("dev", None), ("ops", "2")]
    assert not SYSTEM.kinds["Role"].can_find(seen)
    assert seen.live("User")[1].fields["roles"] == ("dev", "ops")


def test_listed_roles_show_their_rights_in_normal_form() -> None:
    listed = [live_role("7", "b", {"z": ["w", "r", "r"], "a": []}), {"role_id": 1, "name": "a", "rights": None}]
    found = view(live={"listRoles": listed}).live("Role")
    assert [(one.id, one.fields, one.facts) for one in found] == [
        ("1", {"rights": {}}, {"builtin": True}),
        ("7", {"display_name": "b", "rights": {"z": ("r", "w")}}, {"builtin": False}),
    ]


@pytest.mark.parametrize(
    ("answer", "id"),
    [({"id": 7}, "7"), ({"role_id": "x"}, "x"), (raw(b""), None), ({}, None), ([], None), ({"id": True}, None)],
)
def test_a_new_role_may_be_answered_with_its_id_or_with_nothing(answer: Any, id: str | None) -> None:
    result, asked = perform(view(role("r", {"a": ["x"]})), Verb.CREATE, "Role", "r", {"createRole": answer})
    assert result == Result(DONE, id)
    assert body(asked[0]) == {"name": "r", "display_name": "r", "rights": {"a": ["x"]}}


@pytest.mark.parametrize(
    ("kind", "name", "operation"),
    [
        ("Role", "gone", "deleteRole"),
        ("User", "alice", "deleteUser"),
        ("Service", "broker", "removeService"),
        ("Installer", "ometascan-5.15.0-1-x64.msi", "deleteInstaller"),
    ],
)
def test_what_is_gone_already_needs_no_deleting(kind: str, name: str, operation: str) -> None:
    seen = furnished()
    answers: list[Any] = [{}, 404]
    for answer in answers:
        assert perform(seen, Verb.DELETE, kind, name, {operation: answer})[0] == Result(DONE)
    for answer, error in ((403, Refused), (405, NoRights), (500, ServerFault), (429, ServerFault)):
        with pytest.raises(error):
            perform(seen, Verb.DELETE, kind, name, {operation: answer})


def furnished(*documents: str, **live: Any) -> View:
    answers = {
        "listUsers": [ADMIN, live_user(5, "alice", [3])],
        "listRoles": [ADMINISTRATOR, live_role(3, "gone")],
        "listServices": live_five(),
        "listWorkers": [live_worker("w1", "5.15.0"), live_worker("w2")],
        "listInstallers": {"i/1": live_installer("5.15.0")},
        **live,
    }
    return view(*documents, live=answers)


# --- users


@pytest.mark.parametrize("shown", [["3", "1"], [3, 1], ["gone", "administrator"], ["3", "administrator"]])
def test_a_users_roles_may_be_ids_or_names(shown: list[Any]) -> None:
    seen = furnished(listUsers=[ADMIN, live_user(5, "alice") | {"roles": shown}])
    assert seen.live("User")[1].fields["roles"] == ("administrator", "gone")
    assert list(SYSTEM.kinds["User"].refers_to(seen.live("User")[1], seen)) == [
        ("Role", ("administrator",)),
        ("Role", ("gone",)),
    ]


def test_a_new_user_is_sent_with_ids_where_they_are_known() -> None:
    document = user("bob", "gone", "new", directory="LDAP", ui_settings={"refresh_rate": 5}, api_key={"secret": "key"})
    seen = furnished(document, role("new"))
    border: list[Any] = []
    result, asked = perform(seen, Verb.CREATE, "User", "bob", {"createUser": {"api_key": "x" * 36, "name": "bob"}})
    assert result == Result(DONE)
    assert body(asked[0]) == {
        "name": "bob",
        "directory_id": 7,
        "roles": ["3", "new"],
        "ui_settings": {"refresh_rate": 5},
        "password": "value of pw",
        "api_key": "value of key",
    }
    assert asked[0].border is not None
    assert asked[0].border({"api_key": "secret", "name": "bob"}) == {"name": "bob"}
    assert asked[0].border(border) is border
    with pytest.raises(BadReply):
        perform(again(seen, collections={**seen.collections, "userdirectories": {}}), Verb.CREATE, "User", "bob", {})


def test_no_api_key_gets_past_the_border() -> None:
    users = [live_user(1, "admin", api_key="0a" * 18), live_user(5, "alice", api_key="1b" * 18)]
    own = Seal(TARGET, KEYRING, Secret("1b" * 18))
    found = dict(fetched("users", {"listUsers": users}, own))
    assert "1b1b" not in repr(found)
    assert [found[id]["is_self"] for id in ("1", "5")] == [False, True]
    assert found["5"]["sealed_key"] == KEYRING.make(TARGET, "User", ("alice",), "api_key", "1b" * 18)
    bare = dict(fetched("users", {"listUsers": [*users, live_user(6, "x", api_key=None)]}, Seal(TARGET)))
    assert [one.get("sealed_key") for one in bare.values()] == [None, None, None]
    assert "sealed_key" not in bare["6"]


def test_our_user_is_known_by_name() -> None:
    seen = furnished()
    assert [one.facts for one in seen.live("User")] == [
        {"builtin": True, "is_self": True},
        {"builtin": False, "is_self": False},
    ]


PASSWORD = user("alice", password={"secret": "new"}, previous_password={"secret": "old"})
SESSION = {"session_id": "abc"}


def test_a_password_is_changed_in_the_users_own_session() -> None:
    answers = {"login": SESSION, "changePassword": {"success": True}, "logout": {}}
    result, asked = perform(furnished(PASSWORD), Verb.UPDATE, "User", "alice", answers, "password")
    assert result == Result(DONE)
    assert [one.operation for one in asked] == ["login", "changePassword", "logout"]
    assert body(asked[0]) == {"user": "alice", "password": "value of old"}
    assert body(asked[1]) == {"old_password": "value of old", "new_password": "value of new"}
    session = asked[1].session
    assert isinstance(session, AsUser)
    assert session.headers["apikey"].reveal() == "abc"
    assert asked[2].session == session
    assert asked[1].covers == ("password",)


def test_a_password_that_is_not_taken_is_refused() -> None:
    answers = {"login": SESSION, "changePassword": {"success": False}, "logout": {}}
    result, _ = perform(furnished(PASSWORD), Verb.UPDATE, "User", "alice", answers, "password")
    assert result == Result(REFUSED, error="the Control Center did not take the new password")
    with pytest.raises(Refused):
        perform(furnished(PASSWORD), Verb.UPDATE, "User", "alice", {**answers, "changePassword": 400}, "password")


def test_a_password_that_was_changed_before_a_crash_is_noticed() -> None:
    answers = {"login": Turns([403, SESSION]), "logout": {}}
    result, asked = perform(furnished(PASSWORD), Verb.UPDATE, "User", "alice", answers, "password")
    assert result == Result(DONE)
    assert [one.operation for one in asked] == ["login", "login", "logout"]
    result, asked = perform(furnished(PASSWORD), Verb.UPDATE, "User", "alice", {"login": 403}, "password")
    assert (result.said, len(asked)) == (REFUSED, 2)
    assert result.error is not None
    assert result.error.startswith("neither the previous nor the new password opens a session")


# --- settings


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(("name", "operation"), [("session", "getSession"), ("cleanup-auditlog", "getAuditlogCleanup")])
def test_a_setting_may_not_be_readable(name: str, operation: str, status: int) -> None:
    assert isinstance(fetched(name, {operation: status}), NotOffered)
    seen = view(live={operation: status})
    kind = "Session" if name == "session" else "Cleanup"
    assert "auditlog" not in seen.live(kind)[0].fields
    assert seen.trouble(SYSTEM.kinds[kind]) is None
    with pytest.raises(Refused):
        fetched(name, {operation: 403})


@pytest.mark.parametrize(
    ("shown", "word"),
    [("Strict", "Strict"), ("lax", "Lax"), ("NONE", "None"), (0, "None"), (1, "Lax"), (2, "Strict")],
)
def test_samesite_may_be_a_word_or_a_number(shown: Any, word: str) -> None:
    assert view(live={"getSessionCookie": {"samesite": shown}}).live("SessionCookie")[0].fields == {"samesite": word}


@pytest.mark.parametrize("shown", ["sometimes", 3, True, None, [], 1.0])
def test_another_samesite_is_not_told(shown: Any) -> None:
    assert view(live={"getSessionCookie": {"samesite": shown}}).live("SessionCookie")[0].fields == {}


@pytest.mark.parametrize(
    ("shown", "hours"), [(24, 24), (24.0, 24), (0, 0), (24.5, None), ("24", None), (True, None), (None, None)]
)
def test_a_range_is_a_whole_number(shown: Any, hours: int | None) -> None:
    fields = view(live={"getAuditlogCleanup": {"cleanuprange": shown}}).live("Cleanup")[0].fields
    assert fields.get("auditlog") == hours


def test_each_changed_range_is_one_request() -> None:
    seen = view(doc("Cleanup", "c", {"auditlog": "1d", "warehouse": 5, "filestorage": 6}))
    answers: dict[str, Any] = {"putAuditlogCleanup": {}, "putWarehouseCleanup": {}}
    _, asked = perform(seen, Verb.UPDATE, "Cleanup", "c", answers, "warehouse", "auditlog")
    assert [(shape(one), body(one), one.covers) for one in asked] == [
        (("putAuditlogCleanup", "PUT", "/admin/config/auditlog/cleanup"), {"cleanuprange": 24}, ("auditlog",)),
        (("putWarehouseCleanup", "PUT", "/admin/config/warehouse/cleanup"), {"cleanuprange": 5}, ("warehouse",)),
    ]


def test_a_session_is_sent_with_what_is_shown_beside_it() -> None:
    seen = view(doc("Session", "s", {"sessionTimeout": "2m"}))
    _, asked = perform(seen, Verb.UPDATE, "Session", "s", {"putSession": {}}, "sessionTimeout")
    assert body(asked[0]) == {"sessionTimeout": 120_000, "absoluteSessionTimeout": 0, "allowDuplicateSession": True}


def test_the_file_storage_is_sent_whole_with_its_secrets() -> None:
    config = {"a/b": {"secret": "key"}, "c~d": 1, "e": True}
    document = doc("ServiceSetting", "filestorage", {"max_replica": 3, "storage": {"type": "salt", "config": config}})
    seen = furnished(document)
    names = ("max_replica", "storage/config/a~1b")
    _, asked = perform(seen, Verb.UPDATE, "ServiceSetting", "filestorage", {"putServiceSetting": {}}, *names)
    assert body(asked[0]) == {
        "max_replica": 3,
        "min_replica": 1,
        "cleanuprange": 0,
        "storage": {"type": "salt", "config": {"a/b": "value of key", "c~d": 1, "e": True}},
    }
    stored: dict[str, Any] = {
        "type": "salt",
        "config": {"a/b": "x", "none": None, "share": 0.5, "deep": {"x": 1}},
        "more": 2,
    }
    seen = furnished(document, getServiceSetting={"max_replica": 1, "storage": stored})
    _, asked = perform(seen, Verb.UPDATE, "ServiceSetting", "filestorage", {"putServiceSetting": {}}, "max_replica")
    sent = body(asked[0])["storage"]
    assert sent == {**stored, "config": {**stored["config"], "a/b": "value of key", "c~d": 1, "e": True}}
    shows: dict[str, Any] = {"storage": {"type": "salt", "config": {"a/b": "x", "list": []}}}
    live = furnished(document, getServiceSetting=shows).live("ServiceSetting")[0]
    assert live.fields == {"storage/type": "salt", "storage/config/a~1b": "x"}
    exported = SYSTEM.kinds["ServiceSetting"].export(furnished(getServiceSetting=shows))
    assert str(exported[0][1]["storage"]["config"]["a/b"]) == "SecretRef(name='filestorage-storage')"
    assert SYSTEM.kinds["ServiceSetting"].export(view()) == []


def test_a_storage_that_is_shown_in_part_is_not_sent_back_in_part() -> None:
    for hidden in ({"key": "****"}, {"key": "•••"}, {"password": "p"}):
        stored = {"max_replica": 1, "storage": {"type": "salt", "config": {"empty": "", **hidden}}, "withheld": "x"}
        seen = furnished(doc("ServiceSetting", "filestorage", {"max_replica": 3}), getServiceSetting=stored)
        assert seen.live("ServiceSetting")[0].fields.keys() == {"max_replica", "storage/type", "storage/config/empty"}
        (item,) = seen.items("ServiceSetting")
        why = SYSTEM.kinds["ServiceSetting"].precondition(Verb.UPDATE, Work("m", item, None), seen)
        assert why is not None
        assert next(iter(hidden)) in why
        spec = {"max_replica": 3, "storage": {"config": dict.fromkeys(hidden, "new")}}
        seen = furnished(doc("ServiceSetting", "filestorage", spec), getServiceSetting=stored)
        _, asked = perform(seen, Verb.UPDATE, "ServiceSetting", "filestorage", {"putServiceSetting": {}}, "max_replica")
        assert body(asked[0])["storage"] == {"type": "salt", "config": {"empty": "", **dict.fromkeys(hidden, "new")}}


# --- services


def test_a_service_that_takes_its_name_needs_one_write() -> None:
    seen = view(service("redis", password={"secret": "pw"}))
    shown = [{"service_id": 7, "type": "caching", "display_name": "redis"}]
    answers = {"connectService": [{"result": "ok", "service_id": 7}], "listServices": shown}
    result, asked = perform(seen, Verb.CREATE, "Service", "redis", answers)
    assert result == Result(DONE, "7")
    assert [one.operation for one in asked] == ["connectService", "listServices"]
    assert body(asked[0]) == {
        "type": "caching",
        "display_name": "redis",
        "host": "cache.internal",
        "port": 6379,
        "password": "value of pw",
    }


def test_a_service_that_ignores_its_name_is_named_right_after() -> None:
    shown = [{"service_id": "s 7", "type": "caching", "display_name": ""}]
    answers = {"connectService": {"result": "ok", "service_id": "s 7"}, "listServices": shown, "editService": {}}
    _, asked = perform(view(service("redis")), Verb.CREATE, "Service", "redis", answers)
    assert shape(asked[-1]) == ("editService", "PUT", "/admin/service/s%207")
    assert body(asked[-1]) == {"display_name": "redis"}
    assert asked[-1].covers == ("display_name",)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ([{"result": "error", "detail": "no\x00 route"}], "no route"),
        ([{"result": "error"}], "the server gave no detail"),
    ],
)
def test_a_service_may_be_refused_in_an_answer_of_200(answer: Any, error: str) -> None:
    result, asked = perform(view(service("redis")), Verb.CREATE, "Service", "redis", {"connectService": answer})
    assert (result, len(asked)) == (Result(REFUSED, error=error), 1)


@pytest.mark.parametrize("answer", [[], {}, [{"result": "maybe"}], [{}, {}], "ok"])
def test_an_answer_without_a_result_is_bad(answer: Any) -> None:
    with pytest.raises(BadReply):
        perform(view(service("redis")), Verb.CREATE, "Service", "redis", {"connectService": answer})


def test_a_service_without_an_id_in_the_answer_is_done() -> None:
    result, _ = perform(view(service("r")), Verb.CREATE, "Service", "r", {"connectService": [{"result": "ok"}]})
    assert result == Result(DONE)


def test_a_services_config_is_sent_whole() -> None:
    seen = furnished(service("caching", "caching", "elsewhere", 1002, password={"secret": "pw"}))
    _, asked = perform(seen, Verb.UPDATE, "Service", "caching", {"editService": {}}, "host")
    config = {"host": "elsewhere", "port": 1002, "password": "value of pw"}
    assert body(asked[0]) == {"display_name": "caching", "config": config}
    _, asked = perform(seen, Verb.UPDATE, "Service", "caching", {"editService": {}}, "display_name")
    assert body(asked[0]) == {"display_name": "caching"}


def test_a_service_is_not_edited_under_a_fresh_instance() -> None:
    kind = SYSTEM.kinds["Service"]
    seen = furnished(service("caching", "caching", "elsewhere", 1002))
    found = kind.precondition(Verb.UPDATE, work_on(seen, "Service", "caching", "host"), seen)
    assert found == "service-frozen-after-deploy: an instance is deployed now"
    assert kind.precondition(Verb.UPDATE, work_on(seen, "Service", "caching", "display_name"), seen) is None
    free = furnished(service("caching", "caching", "elsewhere", 1002), listWorkers=[])
    assert kind.precondition(Verb.UPDATE, work_on(free, "Service", "caching", "host"), free) is None


def test_a_new_service_is_found_again_whatever_its_name() -> None:
    kind = SYSTEM.kinds["Service"]
    before = view(service("redis"))
    work = work_on(before, "Service", "redis")
    assert kind.happened(Verb.CREATE, work, before) is False
    nameless = {"service_id": 1, "type": "caching", "host": "cache.internal", "port": 6379}
    assert kind.happened(Verb.CREATE, work, view(live={"listServices": [nameless]})) is True


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"status": "Connected"}, "Connected"),
        ([{"status": "Up\n"}], "Up"),
        ([], "connected, status not shown"),
        ({"x": 1}, "connected, status not shown"),
        (404, "not connected"),
    ],
)
def test_a_services_status_is_one_line(answer: Any, line: str) -> None:
    assert run(fetch_status("broker"), {"getServiceByType": answer})[0] == line
    assert {
        name: run(flow(), {"getServiceByType": answer})[0] for name, flow in SYSTEM.health().items()
    } == dict.fromkeys(("datalake", "warehouse", "caching", "broker", "filestorage"), line)


# --- workers

ONE, TWO = live_worker("w1"), live_worker("w2")


def by_id(one: dict[str, Any]) -> dict[str, Any]:
    return {("id" if key == "worker_id" else key): value for key, value in one.items()}


@pytest.mark.parametrize(
    "answer",
    [
        [ONE, TWO],
        [by_id(ONE), by_id(TWO)],
        {"workers": [ONE, TWO]},
        {"w-w1": ONE, "w-w2": TWO},
        {one["worker_id"]: {key: one[key] for key in one if key != "worker_id"} for one in (ONE, TWO)},
    ],
)
def test_workers_come_in_several_shapes(answer: Any) -> None:
    seen = view(live={"listWorkers": answer})
    assert [(one.id, one.identity, one.name) for one in seen.live("Worker")] == [
        ("w-w1", ("w1:8893",), "w1"),
        ("w-w2", ("w2:8893",), "w2"),
    ]
    assert run(fetch_available("i"), {"listAvailableWorkers": answer})[0] == {"w-w1", "w-w2"}


@pytest.mark.parametrize("answer", [{"workers": None}, {"w": None}, {"err": "no"}, {"workers": {}}, {"workers": [{}]}])
def test_other_shapes_of_workers_are_bad(answer: Any) -> None:
    with pytest.raises(BadReply):
        fetched("workers", {"listWorkers": answer})


def test_a_worker_without_a_name_is_shown_by_its_address() -> None:
    shown = {key: value for key, value in ONE.items() if key not in ("display_name", "status")}
    live = view(live={"listWorkers": [shown]}).live("Worker")[0]
    assert (live.name, live.fields, live.facts) == (
        "w1:8893",
        {"host": "w1", "port": 8893},
        {"status": "", "carries": False},
    )


def connect(answer: Any, *names: str) -> tuple[dict[str, Result], list[Request]]:
    seen = view(*(worker(name) for name in names))
    works = [Work(name, work_on(seen, "Worker", name).item, None) for name in names]
    return run(SYSTEM.kinds["Worker"].perform(Verb.CREATE, works, seen), {**LIVE, "connectWorkers": answer})


def test_workers_are_connected_in_one_request_and_judged_one_by_one() -> None:
    answer = [
        {"host": "a", "port": 8893, "result": "ok", "worker_id": 7},
        {"host": "b", "port": 8893, "result": "failed", "error": "wrong\nkey"},
        {"host": "c", "port": 8893, "result": "failed"},
        {"host": "d", "port": 8893, "result": "ok"},
        {"host": "e", "port": 8893, "result": "perhaps"},
        "nonsense",
    ]
    results, asked = connect(answer, "a", "b", "c", "d", "e", "f")
    assert results == {
        "a": Result(DONE, "7"),
        "b": Result(REFUSED, error="wrong key"),
        "c": Result(REFUSED, error="the server gave no error text"),
        "d": Result(DONE),
        "e": Result(UNCLEAR, error="the answer doesn't mention it"),
        "f": Result(UNCLEAR, error="the answer doesn't mention it"),
    }
    assert len(asked) == 1
    assert body(asked[0])[0] == {"display_name": "a", "host": "a", "port": 8893, "connection_key": "value of wk"}
    with pytest.raises(BadReply):
        connect({}, "a")


def test_workers_are_disconnected_in_one_request() -> None:
    seen = view(live={"listWorkers": [live_worker(name) for name in "abc"]})
    works = [Work(live.name, None, live) for live in seen.live("Worker")]
    answer = {"w-a": "Deleted", "w-b": "it is busy"}
    results, asked = run(SYSTEM.kinds["Worker"].perform(Verb.DELETE, works, seen), {"disconnectWorkers": answer})
    assert results == {
        "a": Result(DONE),
        "b": Result(REFUSED, error="it is busy"),
        "c": Result(UNCLEAR, error="the answer doesn't mention it"),
    }
    assert body(asked[0]) == ["w-a", "w-b", "w-c"]
    assert len({SYSTEM.kinds["Worker"].batch(Verb.DELETE, work) for work in works}) == 1


# --- installers

FILE = "ometascan-5.15.0-1-x64.msi"
INSTALLER = doc("Installer", "core", {"file": f"x/{FILE}"})


def upload(document: str = INSTALLER, sha: str | None = SHA, **answers: Any) -> tuple[Result, list[Request]]:
    seen = view(document, files=facts(f"x/{FILE}", sha))
    uploaded = {"uploadInstaller": {"installer_id": 9}, "listInstallers": {"9": live_installer("5.15.0")}}
    return perform(seen, Verb.CREATE, "Installer", "core", {**uploaded, **answers})


def test_an_installer_is_uploaded_and_looked_at() -> None:
    result, asked = upload()
    assert result == Result(DONE, "9")
    assert asked[0].headers == {"filename": FILE, "content-type": "application/octet-stream"}
    assert (file_body(asked[0]).sha256, file_body(asked[0]).size) == (SHA, 4)


def test_an_upload_that_arrived_wrong_is_taken_back() -> None:
    result, asked = upload(listInstallers={"9": live_installer("5.15.0", sha="0" * 64)}, deleteInstaller={})
    assert result.error == "what arrived has another SHA-256 than the file: the upload was taken back"
    assert shape(asked[-1]) == ("deleteInstaller", "DELETE", "/admin/installer/9")
    result, _ = upload(listInstallers={})
    assert result == Result(UNCLEAR, error="the upload was acknowledged, and the list doesn't show it")
    with pytest.raises(BadReply):
        upload(uploadInstaller={"installer_id": None})


def test_an_installer_that_was_there_before_is_not_taken_away_as_an_upload() -> None:
    """A server may answer with the one of that name that it has."""
    earlier = {"listInstallers": {"9": live_installer("5.14.0", sha="0" * 64)}}
    seen = view(INSTALLER, files=facts(f"x/{FILE}", SHA), live=earlier)
    result, asked = perform(seen, Verb.CREATE, "Installer", "core", {"uploadInstaller": {"installer_id": 9}, **earlier})
    assert "an installer that it had" in str(result.error)
    assert [one.operation for one in asked] == ["uploadInstaller", "listInstallers"]


def test_an_installer_is_not_uploaded_for_nothing() -> None:
    result, asked = upload(sha=None)
    assert (result, asked) == (Result(REFUSED, error=f"the file x/{FILE} isn't there"), [])
    named = doc("Installer", "core", {"file": f"x/{FILE}", "sha256": "0" * 64})
    result, asked = upload(named)
    assert result.said is REFUSED
    assert asked == []
    seen = view(INSTALLER, files=facts(f"x/{FILE}"), live={"listInstallers": {"3": live_installer("5.15.0")}})
    assert perform(seen, Verb.CREATE, "Installer", "core", {}) == (Result(DONE, "3"), [])


def test_an_installers_upload_is_found_by_its_file() -> None:
    kind = SYSTEM.kinds["Installer"]
    before = view(INSTALLER)
    work = work_on(before, "Installer", "core")
    assert kind.happened(Verb.CREATE, work, before) is False
    assert kind.happened(Verb.CREATE, work, furnished(INSTALLER)) is True
    seen = furnished()
    gone = Work("m", None, seen.live("Installer")[0])
    assert kind.happened(Verb.DELETE, gone, seen) is False
    assert kind.happened(Verb.DELETE, gone, before) is True


def test_an_installer_without_a_checksum_is_known_by_its_name() -> None:
    seen = view(live={"listInstallers": {"1": {"name": "a.msi"}, "2": {}, "3": {"checksum": "AB" * 32}}})
    assert [(one.identity, one.name, one.id) for one in seen.live("Installer")] == [
        (("2",), "2", "2"),
        (("a.msi",), "a.msi", "1"),
        (("ab" * 32,), "3", "3"),
    ]
    assert SYSTEM.kinds["Installer"].export(seen) == [("3", {"sha256": "ab" * 32})]


# --- instances


def deploy(answers: dict[str, Any], *names: str, **live: Any) -> tuple[dict[str, Result], list[Request]]:
    wanted = deployment("cores", *names, license_id="L", config={"log_level": "debug"})
    seen = furnished(*(worker(name) for name in names), wanted, **live)
    works = [Work(item.name, item, None) for item in seen.items("Deployment")]
    assert len({SYSTEM.kinds["Deployment"].batch(Verb.CREATE, work) for work in works}) == 1
    return run(SYSTEM.kinds["Deployment"].perform(Verb.CREATE, works, seen), {**LIVE, **answers})


def test_instances_are_deployed_in_one_request_where_workers_are_available() -> None:
    workers = [live_worker(name) for name in "abcd"]
    said = {"w-a": "Deploying", "w-b": "no license"}
    answers = {"listAvailableWorkers": workers[:3], "deployWorkers": said}
    results, asked = deploy(answers, "a", "b", "c", "d", listWorkers=workers)
    assert results == {
        "cores/a": Result(DONE),
        "cores/b": Result(REFUSED, error="no license"),
        "cores/c": Result(UNCLEAR, error="the answer doesn't mention it"),
        "cores/d": Result(
            REFUSED,
            error="worker-not-available: the Control Center doesn't list the worker as available for this installer",
        ),
    }
    assert asked[0].path == "/admin/worker/available/i%2F1"
    assert body(asked[1]) == {
        "type": "ometascan",
        "installer_id": "i/1",
        "worker": ["w-a", "w-b", "w-c"],
        "license_id": "L",
        "config": {"log_level": "debug"},
    }


def test_nothing_is_deployed_without_an_installer_or_a_worker() -> None:
    results, asked = deploy({}, "w2", listInstallers={})
    assert results == {"cores/w2": Result(REFUSED, error="no installer of that version is uploaded")}
    assert asked == []
    results, asked = deploy({"listAvailableWorkers": []}, "w2")
    assert (results["cores/w2"].said, len(asked)) == (REFUSED, 1)


@pytest.mark.parametrize(("named", "id"), [("core", "i/1"), (FILE, "i/1")])
def test_an_installer_is_meant_by_its_document_or_its_name(named: str, id: str) -> None:
    installer = doc("Installer", "core", {"file": FILE})
    seen = furnished(installer, deployment("cores", "w2", version=None, installer=named))
    answers = {"listAvailableWorkers": [live_worker("w2")], "deployWorkers": {"w-w2": "Deploying"}}
    result, asked = perform(seen, Verb.CREATE, "Deployment", "cores/w2", answers)
    assert result == Result(DONE)
    assert body(asked[1])["installer_id"] == id


def test_an_upgrade_is_asked_for_once_and_only_where_it_is_offered() -> None:
    seen = furnished(deployment("cores", "w1", version="5.16"))
    offered = {"listUpgradableVersions": {"ometascan": ["5.16.0"]}, "upgradeWorkers": {"result": "ok"}}
    result, asked = perform(seen, Verb.UPGRADE, "Deployment", "cores/w1", offered)
    assert result == Result(DONE)
    assert body(asked[1]) == {"type": "ometascan", "version": "5.16.0"}
    for answer, listed in (({"ometascan": ["5.15.9", "5.17.0"]}, "5.15.9, 5.17.0"), ({}, "none")):
        result, asked = perform(seen, Verb.UPGRADE, "Deployment", "cores/w1", {"listUpgradableVersions": answer})
        assert result.error == f"5.16 is not among the versions that ometascan can be upgraded to ({listed})"
        assert len(asked) == 1


def test_upgradable_versions_are_lists() -> None:
    assert run(fetch_upgradable(), {"listUpgradableVersions": {"ometascan": ["1"], "note": "x"}})[0] == {
        "ometascan": ["1"]
    }
    bad: list[Any] = [{"ometascan": None}, {"api-gateway": "5.16.0"}, []]
    for answer in bad:
        with pytest.raises(BadReply):
            run(fetch_upgradable(), {"listUpgradableVersions": answer})


@pytest.mark.parametrize(
    ("verb", "shown", "settled"),
    [
        (Verb.CREATE, None, Waiting("not shown yet")),
        (Verb.CREATE, "Deploying", Waiting("deploying")),
        (Verb.CREATE, "Deployed", Result(DONE)),
        (Verb.CREATE, "RUNNING", Result(DONE)),
        (Verb.CREATE, "Failed", Result(REFUSED, error="the Control Center says that it failed")),
        (Verb.CREATE, "Thinking", Waiting("thinking")),
        (Verb.CREATE, "", Waiting("no status shown")),
        (Verb.DELETE, None, Result(DONE)),
        (Verb.DELETE, "Undeploying", Waiting("undeploying")),
        (Verb.UPGRADE, "Upgrading", Waiting("upgrading")),
        (Verb.UPGRADE, "Deployed", Waiting("deployed")),
    ],
)
def test_an_instance_settles(verb: Verb, shown: str | None, settled: Any) -> None:
    workers = [live_worker("w1")] if shown is None else [live_worker("w1", "5.15.0", status=shown)]
    version = "5.16.0" if verb is Verb.UPGRADE else "5.15.0"
    seen = furnished(deployment("cores", "w1", version=version), listWorkers=workers)
    work = Work("m", seen.items("Deployment")[0], None)
    assert SYSTEM.kinds["Deployment"].settled(verb, work, seen) == settled
    unread = furnished(deployment("cores", "w1", version=version), listWorkers=500)
    waiting = SYSTEM.kinds["Deployment"].settled(verb, work, unread)
    assert waiting == Waiting("the worker list can't be read at the moment")


@pytest.mark.parametrize(
    ("verb", "status", "version", "happened"),
    [
        (Verb.CREATE, "Deploying", "5.16.0", True),
        (Verb.CREATE, None, None, False),
        (Verb.DELETE, "Undeploying", "5.16.0", True),
        (Verb.DELETE, "Deployed", "5.16.0", False),
        (Verb.DELETE, None, None, True),
        (Verb.UPGRADE, "Upgrading", "5.15.0", True),
        (Verb.UPGRADE, "Deployed", "5.16", True),
        (Verb.UPGRADE, "Deployed", "5.15.0", False),
        (Verb.UPGRADE, None, None, False),
    ],
)
def test_whether_a_call_took_effect_shows(verb: Verb, status: str | None, version: str | None, happened: bool) -> None:
    shown = [live_worker("w1", version, status=status)] if status else [live_worker("w1")]
    seen = furnished(deployment("cores", "w1", version="5.16.0"), listWorkers=shown)
    work = Work("m", seen.items("Deployment")[0], None)
    assert SYSTEM.kinds["Deployment"].happened(verb, work, seen) is happened


def test_an_instance_waits_for_its_worker() -> None:
    kind = SYSTEM.kinds["Deployment"]
    seen = furnished(deployment("cores", "w1"))
    work = Work("m", seen.items("Deployment")[0], None)
    assert kind.precondition(Verb.CREATE, work, seen) is None
    assert kind.precondition(Verb.CREATE, work, furnished(listWorkers=[])) == "the worker w1:8893 isn't connected"
    assert kind.precondition(Verb.DELETE, work, seen) is None


def test_whether_other_calls_took_effect_shows() -> None:
    kind = SYSTEM.kinds["User"]
    seen = furnished(user("alice", email="n"), user("bob"))
    alice, bob = work_on(seen, "User", "alice", "email"), work_on(seen, "User", "bob")
    assert kind.happened(Verb.CREATE, bob, seen) is False
    assert kind.happened(Verb.CREATE, alice, seen) is True
    assert kind.happened(Verb.UPDATE, alice, seen) is False
    assert kind.happened(Verb.UPDATE, alice, furnished(listUsers=[live_user(5, "alice", email="n")])) is True
    assert kind.happened(Verb.DELETE, alice, seen) is False
    assert kind.happened(Verb.DELETE, alice, furnished(listUsers=[live_user(6, "alice")])) is True
    assert SYSTEM.kinds["Role"].happened(Verb.CREATE, Work("m", None, None), view(live={"listRoles": 404})) is None
    assert kind.repeatable(Verb.UPDATE, seen)
    assert not kind.repeatable(Verb.CREATE, seen)


# --- logging in


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_login_is_final(status: int) -> None:
    with pytest.raises(LoginRefused, match=rf"refused the login \({status}, status {status}\)"):
        run(login("admin", Secret("pw")), {"login": status})
    auth = ControlCenterAuth("admin", Secret("pw"), None)
    from reconciler.wire import Response

    assert auth.suspects(Response(status, {}, b""))
    assert auth.proves_expired(Response(status, {}, b""))
    assert not auth.suspects(Response(405, {}, b""))


def test_a_login_that_makes_no_sense_is_a_bad_reply() -> None:
    bad: list[Any] = [{}, {"session_id": ""}, {"session_id": 7}, []]
    for answer in bad:
        with pytest.raises(BadReply):
            run(login("admin", Secret("pw")), {"login": answer})
    with pytest.raises(ServerFault):
        run(login("admin", Secret("pw")), {"login": 500})


def test_credentials_are_a_key_or_a_user_with_a_password() -> None:
    key = SYSTEM.auth({"apikey": Secret("k"), "user": Secret("u")})
    assert (key.own_user, key.static_headers()) == (None, {"apikey": Secret("k")})
    person = SYSTEM.auth({"user": Secret("u"), "password": Secret("p")})
    assert (person.own_user, person.static_headers()) == ("u", None)
    with pytest.raises(InputError, match="no credentials"):
        SYSTEM.auth({"user": Secret("u")})


# --- error texts


@pytest.mark.parametrize("key", ["err", "error", "message", "detail", "response"])
def test_an_errors_text_stands_under_one_of_several_keys(key: str) -> None:
    assert error_text(raw(f'{{"{key}": " too\\nbad\\u0000 "}}'.encode(), 400)) == "too bad"
    with pytest.raises(NotFound, match="GET /admin/user: 404, too bad"):
        fetched("users", {"listUsers": raw(f'{{"{key}": "too bad"}}'.encode(), 404)})


def test_other_errors_show_the_start_of_the_body() -> None:
    assert error_text(raw(b"<html>\n no \x07", 500)) == "<html> no"
    assert error_text(raw(b'{"err": 3, "x": "y"}', 500)) == '{"err": 3, "x": "y"}'
    assert error_text(raw(b'["x"]', 500)) == '["x"]'
    assert (
        error_text(raw('{"y": "é", "user": {"api_key": "k", "password": 1}}'.encode(), 500)) == '{"y": "é", "user": {}}'
    )
    assert len(error_text(raw(b'{"err": "' + b"x" * 5000 + b'"}', 500))) == 300


# --- exports


def test_an_export_leaves_out_ourselves_and_built_ins_and_every_key() -> None:
    exported = SYSTEM.kinds["User"].export(furnished())
    assert [name for name, _ in exported] == ["alice"]
    assert set(exported[0][1]) == {"email", "directory", "roles", "password"}


def test_services_of_one_name_are_exported_under_two() -> None:
    services = [one | {"display_name": "main"} for one in live_five()]
    services[4]["config"]["user"] = ""
    services.append({"service_id": "x", "type": "broker"})
    exported = SYSTEM.kinds["Service"].export(furnished(listServices=services))
    assert [name for name, _ in exported] == ["main", "main-2", "main-3", "main-4", "main-5"]
    assert "user" not in dict(exported)["main-4"]


def test_instances_that_are_alike_are_one_document() -> None:
    workers = [live_worker("a", "5.15.0"), live_worker("b", "5.15.0"), live_worker("c", "5.15.0", license_id="L")]
    found = SYSTEM.kinds["Deployment"].export(furnished(listWorkers=[*workers, live_worker("d", status="Running")]))
    assert found == [
        ("ometascan-1", {"type": "ometascan", "version": "5.15.0", "workers": ["a", "b"]}),
        ("ometascan-2", {"type": "ometascan", "version": "5.15.0", "license_id": "L", "workers": ["c"]}),
    ]


# --- assumptions


def test_each_assumption_that_shows_is_told_both_ways() -> None:
    look = {one.id: one.look for one in ASSUMPTIONS}
    first = furnished(getSession=404)
    other = furnished(
        listRoles=405,
        listUsers=[live_user(1, "admin", ["administrator"])],
        getSessionCookie={"samesite": 1},
        listWorkers=[by_id(live_worker("w1", "5.15.0"))],
        getAuditlogCleanup=405,
    )
    told = {id: (one(first), one(other)) for id, one in look.items()}
    assert told["role_list"] == ("list", "405")
    assert told["user_roles"] == ("ids", "names")
    assert told["cleanup_get"] == ("value", "405")
    assert told["session_get"] == ("404", "value")
    assert told["samesite"] == ("word", "number")
    assert told["expired_session"] == (None, None)
    assert len({one.id for one in ASSUMPTIONS}) == len(ASSUMPTIONS)
    assert all(one.question.endswith("?") and one.if_wrong.endswith(".") for one in ASSUMPTIONS)


def test_nothing_is_told_of_what_was_not_read() -> None:
    seen = View(SYSTEM, TARGET, view().desired, {}, keyring=Keyring((b"x",)))
    assert {one.look(seen) for one in ASSUMPTIONS} == {None}
