"""Users and roles, and the rules about them."""

from __future__ import annotations

import pytest

from reconciler.emulator.metadefender.users import API_KEY, make_api_key
from tests.emulator.center import Center

KEY = "1b" * 18


def user_id(center: Center, name: str) -> int:
    return int(next(user["id"] for user in center.ok("GET", "/admin/user") if user["name"] == name))


def test_a_fresh_installation(center: Center):
    users = center.ok("GET", "/admin/user")
    assert [(user["id"], user["name"], user["directory_id"]) for user in users] == [(1, "admin", 1), (2, "system", 2)]
    assert [(role["id"], role["editable"]) for role in center.ok("GET", "/admin/role")] == [(1, False)]
    directories = center.ok("GET", "/admin/userdirectory")
    assert [(one["id"], one["name"]) for one in directories] == [(1, "LOCAL"), (2, "SYSTEM")]


def test_create_answers_all_but_the_id(center: Center):
    body = {
        "api_key": KEY,
        "directory_id": 1,
        "display_name": "Alice",
        "email": "alice@example.com",
        "name": "alice",
        "description": "d",
        "roles": ["1"],
        "ui_settings": {"refresh_rate": 5},
    }
    assert center.ok("POST", "/admin/user", {**body, "password": "p"}) == body
    assert center.ok("GET", "/admin/user")[-1] == {**body, "id": 3}
    assert center.status("GET", "/admin/user", headers={"apikey": KEY}) == 200


@pytest.mark.parametrize("name", ["ä ü/ö", "日本", "a" * 300, " ", "x'\"\\", "🙂"])
def test_any_name_comes_back_as_it_was(center: Center, name: str):
    center.ok("POST", "/admin/user", {"name": name, "password": "p"})
    assert center.ok("GET", "/admin/user")[-1]["name"] == name
    center.login(name, "p")


@pytest.mark.parametrize(
    "extra",
    [
        {"api_key": "1b" * 17},
        {"api_key": "1B" * 18},
        {"api_key": "1111" + "b1" * 16},
        {"api_key": "bbbb" + "b1" * 16},
        {"api_key": "111b" * 9},
        {"api_key": "1bbb" * 9},
        {"roles": ["nobody"]},
        {"roles": "1"},
        {"directory_id": 2},
        {"directory_id": 3},
        {"directory_id": "1"},
        {"description": "d" * 257},
        {"ui_settings": {"refresh_rate": -1}},
        {"password": ""},
        {"password": 5},
        {"id": 7},
        {"unknown": 1},
    ],
)
def test_create_is_checked(center: Center, extra: dict[str, object]):
    response = center.ask("POST", "/admin/user", {"name": "alice", "password": "p", **extra})
    assert response.status_code == 400
    assert response.json()["err"]
    assert len(center.ok("GET", "/admin/user")) == 2


def test_made_up_api_keys_follow_the_rule():
    assert all(API_KEY.fullmatch(make_api_key(number)) for number in (None, None, 0, 7, 10**17))
    assert make_api_key(1) != make_api_key(2)


def test_an_api_key_belongs_to_one_user(center: Center):
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "api_key": KEY})
    assert center.status("POST", "/admin/user", {"name": "bob", "password": "p", "api_key": KEY}) == 400


def test_ids_are_never_given_twice(center: Center):
    for number in (3, 4):
        center.ok("POST", "/admin/user", {"name": "alice", "password": "p"})
        assert user_id(center, "alice") == number
        center.ok("DELETE", f"/admin/user/{number}")


def test_deleting_a_user_ends_its_sessions_and_key(center: Center):
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["1"], "api_key": KEY})
    session = center.login("alice", "p")
    assert center.ok("DELETE", f"/admin/user/{user_id(center, 'alice')}") == {}
    assert session.status("GET", "/admin/user") == 403
    assert center.status("GET", "/admin/user", headers={"apikey": KEY}) == 403


@pytest.mark.parametrize(("identity", "rule"), [("1", "self-delete"), ("2", "built-in")])
def test_some_users_stay(center: Center, identity: str, rule: str):
    assert center.status("DELETE", f"/admin/user/{identity}") == 403
    assert center.rules() == [rule]


def test_the_first_user_stays_and_nobody_deletes_itself(center: Center):
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["1"]})
    alice = center.login("alice", "p")
    assert [alice.status("DELETE", f"/admin/user/{number}") for number in (1, 3)] == [403, 403]
    assert center.rules() == ["built-in", "self-delete"]


def test_a_delete_of_nothing_is_told_from_a_second_one(center: Center):
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p"})
    assert [center.status("DELETE", f"/admin/user/{one}") for one in ("3", "3", "9", "x")] == [200, 404, 404, 404]
    assert center.rules() == ["deleted-twice", "unknown-id", "unknown-id"]


def test_a_held_role_stays(center: Center):
    role = center.ok("POST", "/admin/role", {"name": "analyst", "rights": {"users": ["read"]}})
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["analyst"]})
    path = f"/admin/role/{role['id']}"
    assert center.status("DELETE", path) == 400
    assert center.rules() == ["role-in-use"]
    center.ok("DELETE", f"/admin/user/{user_id(center, 'alice')}")
    assert center.ok("DELETE", path) == {}
    assert center.status("DELETE", path) == 404
    assert center.rules() == ["role-in-use", "deleted-twice"]


def test_role_rules(center: Center):
    assert center.status("DELETE", "/admin/role/1") == 403
    assert center.status("POST", "/admin/role", {"name": "administrator"}) == 400
    assert center.status("POST", "/admin/user", {"name": "a", "password": "p", "roles": ["later"]}) == 400
    assert center.rules() == ["built-in", "duplicate", "role-before-user"]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}, {"name": "r", "rights": []}, {"name": "r", "id": 1}])
def test_role_bodies_are_checked(center: Center, body: dict[str, object]):
    assert center.status("POST", "/admin/role", body) == 400


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"nul", b"[" * 5000, b'{"name": ' + b'{"a":' * 900])
def test_what_isnt_json_is_refused(center: Center, content: bytes):
    assert center.ask("POST", "/admin/role", content=content).status_code == 400
    deep = b'{"name": "r", "rights": ' + b'{"a":' * 900 + b"1" + b"}" * 901
    assert center.ask("POST", "/admin/role", content=deep).status_code == 400
