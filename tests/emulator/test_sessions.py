"""Logins, sessions, lockouts and rights."""

from __future__ import annotations

import pytest

from tests.emulator.center import Center, Session


def alive(session: Session) -> bool:
    return session.status("GET", "/admin/userdirectory") == 200


def test_a_session_lives_while_it_is_used(center: Center):
    session = center.login()
    for _ in range(4):
        center.world.clock.advance(299)
        assert alive(session)
    center.world.clock.advance(300)
    assert not alive(session)


def test_the_idle_limit_is_the_setting(center: Center):
    center.ok("PUT", "/admin/config/session", {"sessionTimeout": 60000})
    session = center.login()
    center.world.clock.advance(59)
    assert alive(session)
    center.world.clock.advance(60)
    assert not alive(session)


def test_the_absolute_limit_counts_from_the_login(center: Center):
    center.ok("PUT", "/admin/config/session", {"absoluteSessionTimeout": 300000})
    session = center.login()
    for _ in range(2):
        center.world.clock.advance(145)
        assert alive(session)
    center.world.clock.advance(10)
    assert not alive(session)


@pytest.mark.parametrize(
    "setting",
    [
        {"sessionTimeout": 59999},
        {"absoluteSessionTimeout": 299999},
        {"absoluteSessionTimeout": -1},
        {"allowDuplicateSession": "no"},
        {},
        {"other": 1},
    ],
)
def test_session_settings_are_checked(center: Center, setting: dict[str, object]):
    assert center.status("PUT", "/admin/config/session", setting) == 400


def test_a_session_may_be_bound_to_its_address(center: Center):
    session = center.login()
    token = session.apikey
    center.ok("PUT", "/admin/config/session", {"allowCrossIpSessions": False})
    assert alive(session)
    settings = center.world.state.settings["session"]
    assert center.world.sessions.use(token, "192.0.2.1", settings) is None


def test_logout_ends_the_session_alone(center: Center):
    one, two = center.login(), center.login()
    assert one.ok("POST", "/logout") == {"response": "Logout success"}
    assert (alive(one), alive(two)) == (False, True)
    assert one.status("POST", "/logout") == 403


def test_an_api_key_cant_be_logged_out(center: Center):
    assert center.status("POST", "/logout") == 400
    assert center.rules() == ["logout-of-api-key"]


def test_the_csrf_token_and_the_session_differ(center: Center):
    answer = center.ok("POST", "/login", {"user": "admin", "password": "admin"})
    assert answer["oms-csrf-token"] != answer["session_id"]


@pytest.mark.parametrize("body", [{"user": "admin"}, {"user": "admin", "password": 1}, [], "x"])
def test_login_needs_both(center: Center, body: object):
    assert center.status("POST", "/login", body) == 400


def refuse(center: Center, times: int, user: str = "admin") -> None:
    for _ in range(times):
        assert center.status("POST", "/login", {"user": user, "password": "wrong"}) == 403


def test_five_refused_logins_lock_the_user_out(center: Center):
    refuse(center, 5)
    assert center.status("POST", "/login", {"user": "admin", "password": "admin"}) == 403
    assert center.rules() == ["login-while-locked"]
    center.world.clock.advance(301)
    center.login()


def test_a_login_forgives_refused_ones(center: Center):
    refuse(center, 4)
    center.login()
    refuse(center, 4)
    center.login()
    assert center.rules() == []


def test_a_lockout_concerns_one_name(center: Center):
    refuse(center, 5, "somebody")
    center.login()


def test_after_a_lockout_counting_starts_anew(center: Center):
    refuse(center, 5)
    center.world.clock.advance(301)
    refuse(center, 4)
    center.login()


def test_nobody_of_the_system_directory_logs_in(center: Center):
    refuse(center, 1, "system")


def test_password_change(center: Center):
    path = "/user/changepassword"
    session = center.login()
    wrong = {"old_password": "wrong", "new_password": "next"}
    assert session.status("POST", path, wrong) == 400
    assert session.ok("POST", path, {"old_password": "admin", "new_password": "next"}) == {"success": True}
    assert center.status("POST", "/login", {"user": "admin", "password": "admin"}) == 403
    assert alive(center.login(password="next"))
    assert alive(session)


AREAS = {
    "users": ("/admin/user", {"name": "n", "password": "p"}),
    "roles": ("/admin/role", {"name": "n"}),
    "workers": ("/admin/worker", [{"host": "h", "port": 1, "connection_key": "k"}]),
    "services": ("/admin/service", {"type": "caching", "host": "h", "port": 1}),
}


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize(("verbs", "statuses"), [([], (405, 405)), (["read"], (200, 405)), (["write"], (405, 200))])
def test_rights(center: Center, area: str, verbs: list[str], statuses: tuple[int, int]):
    center.ok("POST", "/admin/role", {"name": "some", "rights": {area: verbs, "other": ["read", "write"]}})
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["some"]})
    alice = center.login("alice", "p")
    path, body = AREAS[area]
    assert (alice.status("GET", path), alice.status("POST", path, body)) == statuses


def test_rights_of_all_roles_count(center: Center):
    for verb in ("read", "write"):
        center.ok("POST", "/admin/role", {"name": verb, "rights": {"settings": [verb]}})
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p", "roles": ["read", "write"]})
    alice = center.login("alice", "p")
    assert alice.status("GET", "/admin/config/sessioncookie") == 200
    assert alice.status("PUT", "/admin/config/sessioncookie", {"samesite": "Lax"}) == 200
    assert alice.status("POST", "/admin/installer", content=b"x", headers={"filename": "x"}) == 405


def test_rights_come_before_the_body_and_the_session_before_both(center: Center):
    center.ok("POST", "/admin/user", {"name": "alice", "password": "p"})
    assert center.login("alice", "p").status("POST", "/admin/role", []) == 405
    assert center.status("POST", "/admin/role", [], headers={"apikey": "nobody"}) == 403
