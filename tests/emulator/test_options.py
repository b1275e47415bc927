"""Every switch shows both of its answers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reconciler.emulator.metadefender.options import Options, Timings, changed, choices, parse
from tests.emulator.center import API_KEY, NEWER, Center, Make

TESTED = {
    "expired_session", "second_login", "role_create_reply", "role_list", "user_roles", "user_create_existing",
    "cleanup_get", "session_get", "samesite", "service_display_name", "service_rename_frozen", "worker_id_field",
    "worker_list", "available_list", "status_words", "readyz", "id_type", "error_key", "session_change_logs_out",
}  # fmt: skip


def test_every_option_is_tested_here():
    assert {field.name for field in dataclasses.fields(Options)} == TESTED


@pytest.mark.parametrize("status", [401, 403, 400])
def test_expired_session(make: Make, status: int):
    center = make(expired_session=status)
    session = center.login()
    assert session.status("GET", "/admin/user") == 200
    center.ok("POST", "/_emulator/sessions/expire")
    assert session.status("GET", "/admin/user") == status
    assert center.status("GET", "/admin/user", headers={"apikey": ""}) == status
    assert center.status("GET", "/admin/user") == 200, "an api_key doesn't expire"


@pytest.mark.parametrize(("choice", "first"), [("keeps", 200), ("ends-first", 403)])
def test_second_login(make: Make, choice: str, first: int):
    center = make(second_login=choice)
    one, two = center.login(), center.login()
    assert [one.status("GET", "/admin/user"), two.status("GET", "/admin/user")] == [200, 200]
    center.ok("PUT", "/admin/config/session", {"allowDuplicateSession": False})
    three = center.login()
    assert [one.status("GET", "/admin/user"), three.status("GET", "/admin/user")] == [first, 200]


def test_role_create_reply(make: Make):
    role = make(role_create_reply="role").ok("POST", "/admin/role", {"name": "r", "rights": {"users": ["read"]}})
    assert role == {"id": 2, "name": "r", "display_name": "r", "rights": {"users": ["read"]}, "editable": True}
    response = make(role_create_reply="empty").ask("POST", "/admin/role", {"name": "r"})
    assert (response.status_code, response.content) == (200, b"")


def test_role_list(make: Make):
    assert [role["name"] for role in make(role_list="list").ok("GET", "/admin/role")] == ["administrator"]
    assert make(role_list="404").status("GET", "/admin/role") == 404
    assert make(role_list="405").status("GET", "/admin/role") == 405


@pytest.mark.parametrize(("choice", "shown"), [("ids", ["2", "1"]), ("names", ["analyst", "administrator"])])
def test_user_roles(make: Make, choice: str, shown: list[str]):
    center = make(user_roles=choice)
    center.ok("POST", "/admin/role", {"name": "analyst"})
    user = center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["analyst", "1"]})
    assert user["roles"] == shown == center.ok("GET", "/admin/user")[-1]["roles"]


def test_user_roles_change_with_the_switch(center: Center):
    assert center.ok("GET", "/admin/user")[0]["roles"] == ["1"]
    center.set(user_roles="names")
    assert center.ok("GET", "/admin/user")[0]["roles"] == ["administrator"]
    center.ok("POST", "/_emulator/edit", {"collection": "roles", "match": {"id": 1}, "set": {"name": "boss"}})
    assert center.ok("GET", "/admin/user")[0]["roles"] == ["boss"]


@pytest.mark.parametrize(("choice", "status", "count"), [("400", 400, 1), ("duplicate", 200, 2)])
def test_user_create_existing(make: Make, choice: str, status: int, count: int):
    center = make(user_create_existing=choice)
    body = {"name": "alice", "password": "p"}
    assert [center.status("POST", "/admin/user", body) for _ in range(2)] == [200, status]
    assert [user["name"] for user in center.ok("GET", "/admin/user")].count("alice") == count
    assert center.rules() == ["duplicate"]


@pytest.mark.parametrize("choice", ["value", "404", "405"])
@pytest.mark.parametrize("name", ["auditlog", "filestorage", "warehouse", "scanhistory"])
def test_cleanup_get(make: Make, choice: str, name: str):
    center = make(cleanup_get=choice)
    path = f"/admin/config/{name}/cleanup"
    assert center.ok("PUT", path, {"cleanuprange": 7}) == {"cleanuprange": 7}
    response = center.ask("GET", path)
    if choice == "value":
        assert response.json() == {"cleanuprange": 7}
    else:
        assert response.status_code == int(choice)


def test_session_get(make: Make):
    center = make(session_get="value")
    shown = center.ok("PUT", "/admin/config/session", {"sessionTimeout": 60000})
    assert shown == center.ok("GET", "/admin/config/session")
    assert shown == {
        "absoluteSessionTimeout": 0,
        "allowCrossIpSessions": True,
        "allowDuplicateSession": True,
        "sessionTimeout": 60000,
    }
    assert [make(session_get=choice).status("GET", "/admin/config/session") for choice in ("404", "405")] == [404, 405]


@pytest.mark.parametrize(("choice", "shown"), [("word", ["Lax", "Strict", "None"]), ("number", [1, 2, 0])])
def test_samesite(make: Make, choice: str, shown: list[Any]):
    center = make(samesite=choice)
    path = "/admin/config/sessioncookie"
    answers = [center.ok("GET", path), center.ok("PUT", path, {"samesite": "Strict"})]
    center.ok("PUT", path, {"samesite": 0})
    assert [answer["samesite"] for answer in [*answers, center.ok("GET", path)]] == shown


@pytest.mark.parametrize(("choice", "shown"), [("taken", "cache"), ("ignored", "")])
def test_service_display_name(make: Make, choice: str, shown: str):
    center = make(service_display_name=choice)
    center.ok("POST", "/admin/service", {"type": "caching", "display_name": "cache", "host": "h", "port": 1})
    [service] = center.ok("GET", "/admin/service")
    assert service["display_name"] == shown
    center.ok("PUT", f"/admin/service/{service['service_id']}", {"display_name": "renamed"})
    assert center.ok("GET", "/admin/service")[0]["display_name"] == "renamed"


@pytest.mark.parametrize(("choice", "status"), [("allowed", 200), ("refused", 400)])
def test_service_rename_frozen(make: Make, choice: str, status: int):
    center = make("deployed", service_rename_frozen=choice)
    service = center.ok("GET", "/admin/service/filestorage")["instances"][0]
    same = {**service["config"], "connection_key": "filestorage-key"}
    path = f"/admin/service/{service['service_id']}"
    assert center.status("PUT", path, {"display_name": "new", "config": same}) == status
    assert center.status("PUT", path, {"display_name": "newer"}) == status
    assert center.status("PUT", path, {"display_name": "new", "config": {**same, "connection_key": "other"}}) == 400
    assert center.status("PUT", path, {"config": {**same, "port": 1}}) == 400


@pytest.mark.parametrize("field", ["worker_id", "id"])
@pytest.mark.parametrize("shape", ["list", "map", "wrapped"])
@pytest.mark.parametrize("listed", ["worker_list", "available_list"])
def test_worker_lists(make: Make, listed: str, shape: str, field: str):
    center = make("services", worker_id_field=field, **{listed: shape})
    installer = center.upload()
    first, second = (worker["worker_id"] for worker in center.world.state.workers)
    path = "/admin/worker" if listed == "worker_list" else f"/admin/worker/available/{installer}"
    answer = center.ok("GET", path)
    common = {"port": 8893, "status": "Available"}
    one = {"display_name": "worker-1", "host": "worker-1.local", **common}
    two = {"display_name": "worker-2", "host": "worker-2.local", **common}
    entries = [{field: first, **one}, {field: second, **two}]
    assert answer == {"list": entries, "map": {first: one, second: two}, "wrapped": {"workers": entries}}[shape]


@pytest.mark.parametrize("word", ["Deployed", "Running"])
def test_status_words(make: Make, word: str):
    assert make("deployed", status_words=word).workers()["worker-1"]["status"] == word


def test_readyz(make: Make):
    nobody = {"apikey": ""}
    center = make("services", readyz="present")
    assert center.ok("GET", "/readyz", headers=nobody) == {"status": "ready"}
    verbose = center.ok("GET", "/readyz?verbose=true", headers=nobody)
    assert set(verbose["checks"]) == {"datalake", "warehouse", "caching", "broker", "filestorage"}
    assert make(readyz="absent").status("GET", "/readyz", headers=nobody) == 404


@pytest.mark.parametrize(("choice", "identity"), [("integer", 1), ("string", "1")])
def test_id_type(make: Make, choice: str, identity: object):
    center = make(id_type=choice)
    assert center.ok("GET", "/admin/user")[0]["id"] == identity
    assert center.ok("GET", "/admin/role")[0]["id"] == identity
    role = center.ok("POST", "/admin/role", {"name": "r"})
    assert type(role["id"]) is type(identity)
    assert center.status("DELETE", f"/admin/role/{role['id']}") == 200


@pytest.mark.parametrize("key", ["err", "error", "message", "detail", "response"])
def test_error_key(make: Make, key: str):
    assert make(error_key=key).ask("GET", "/nowhere").json() == {key: "Not Found"}


@pytest.mark.parametrize(("choice", "status"), [(False, 200), (True, 403)])
def test_session_change_logs_out(make: Make, choice: bool, status: int):
    center = make(session_change_logs_out=choice)
    session = center.login()
    center.ok("PUT", "/admin/config/session", {"sessionTimeout": 300000})
    assert session.status("GET", "/admin/user") == 200, "nothing has changed"
    center.ok("PUT", "/admin/config/session", {"sessionTimeout": 60000})
    assert session.status("GET", "/admin/user") == status


def test_timings_can_be_set_at_run_time(deployed: Center):
    installer = deployed.upload(NEWER, b"newer")
    deployed.set(deploy_seconds=0)
    deployed.deploy([deployed.workers()["worker-2"]["worker_id"]], installer)
    assert deployed.workers()["worker-2"]["status"] == "Deployed"
    deployed.set(latency_ms=80)
    start = deployed.world.clock.now()
    deployed.ok("GET", "/readyz")
    assert deployed.world.clock.now() - start >= 0.08


def test_each_choice_is_parsed_from_its_text():
    for name in TESTED:
        for choice in choices(name):
            assert parse(name, str(choice)) == choice
            options, _ = changed(Options(), Timings(), {name: choice})
            assert getattr(options, name) == choice


@pytest.mark.parametrize(
    "settings", [{"nothing": 1}, {"readyz": "maybe"}, {"expired_session": 402}, {"deploy_seconds": -1},
                 {"deploy_seconds": "soon"}, {"latency_ms": "nan"}]
)  # fmt: skip
def test_senseless_settings_are_refused(center: Center, settings: dict[str, object]):
    before = center.ok("GET", "/_emulator/options")
    assert center.status("PUT", "/_emulator/options", settings) == 400
    assert center.ok("GET", "/_emulator/options") == before


def test_an_api_key_is_what_tests_use(center: Center):
    assert center.ok("GET", "/admin/user")[0]["api_key"] == API_KEY
