"""A server that quotes what it was sent gives nothing away through us: not on a screen, not in the state."""

from __future__ import annotations

from tests.e2e.kit import Desk, user


def test_a_refusal_that_quotes_the_password_is_told_without_it(desk: Desk):
    desk.secret("carol-password", "far-too-simple")
    desk.center.fault("createUser", {"status": 400, "body": '{"err": "far-too-simple is no password"}'}, times=0)
    desk.write(user("carol"))
    failed = desk.apply().ended(1)
    assert failed.steps["create/User/carol"]["error"].endswith("400, (secret) is no password")
