"""Faults as a client sees them, and what is done behind them."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.emulator.center import NAME, Center

ROLE = {"name": "analyst"}


def add(center: Center, fault: dict[str, Any], operation: str | None = "createRole", **rule: Any) -> None:
    center.ok("POST", "/_emulator/faults", {"operation": operation, "fault": fault, **rule})


def create(center: Center) -> httpx.Response:
    return center.ask("POST", "/admin/role", ROLE)


def exists(center: Center) -> bool:
    return any(role["name"] == "analyst" for role in center.ok("GET", "/_emulator/state")["roles"])


def last(center: Center) -> dict[str, Any]:
    entry: dict[str, Any] = center.ok("GET", "/_emulator/requests")[-1]
    return entry


def test_status(center: Center):
    add(center, {"status": 503, "body": "busy", "headers": {"Retry-After": "7"}})
    response = create(center)
    assert (response.status_code, response.text, response.headers["retry-after"]) == (503, "busy", "7")
    assert not exists(center)
    assert (last(center)["status"], last(center)["fault"]) == (503, "status")
    assert create(center).status_code == 200


def test_status_after_the_fact(center: Center):
    add(center, {"status": 502, "processed": True})
    assert create(center).status_code == 502
    assert exists(center)


def test_body(center: Center):
    add(center, {"body": "<html>", "content_type": "text/html"}, "listUsers")
    response = center.ask("GET", "/admin/user")
    assert (response.status_code, response.text) == (200, "<html>")
    assert response.headers["content-type"].startswith("text/html")


def test_redirect(center: Center):
    add(center, {"redirect": "http://other.example/"}, None)
    response = create(center)
    assert (response.status_code, response.headers["location"]) == (307, "http://other.example/")
    assert not exists(center)


def test_drop_request(center: Center):
    add(center, {"drop_request": True})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create(center)
    assert not exists(center)
    assert (last(center)["status"], last(center)["fault"]) == (None, "drop_request")


def test_drop_reply(center: Center):
    add(center, {"drop_reply": True})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create(center)
    assert exists(center)
    assert (last(center)["status"], last(center)["fault"]) == (200, "drop_reply")


@pytest.mark.parametrize("kept", [0, 5])
def test_cut_body(center: Center, kept: int):
    add(center, {"cut_body": kept}, "listUsers")
    got: list[bytes] = []
    with center.client.stream("GET", "/admin/user", headers={"apikey": center.apikey}) as response:
        assert response.status_code == 200
        assert int(response.headers["content-length"]) > 100
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            got.extend(response.iter_raw())
    assert b"".join(got) == b'[{"id'[:kept]


def test_cut_request(center: Center):
    add(center, {"cut_request": 4}, "uploadInstaller")
    identity = center.upload(NAME, b"installer")
    assert center.ok("GET", "/admin/installer")[identity]["size"] == 4


def test_delay(center: Center):
    add(center, {"delay": 0.15})
    start = time.monotonic()
    assert create(center).status_code == 200
    assert time.monotonic() - start >= 0.15
    assert exists(center)


def test_a_client_that_gives_up_waiting_is_served_all_the_same(center: Center):
    add(center, {"delay": 0.2})
    with pytest.raises(httpx.ReadTimeout):
        center.ask("POST", "/admin/role", ROLE, timeout=0.05)
    assert not exists(center)
    time.sleep(0.3)
    assert exists(center)


def test_trickle(center: Center):
    add(center, {"trickle": 0.005}, "getSessionCookie")
    start = time.monotonic()
    assert center.ok("GET", "/admin/config/sessioncookie") == {"samesite": "Lax"}
    assert time.monotonic() - start >= 0.005 * len('{"samesite":"Lax"}')


def test_expire_session(center: Center):
    session = center.login()
    add(center, {"expire_session": True}, "listUsers", skip=1)
    assert [session.status("GET", "/admin/user") for _ in range(3)] == [200, 403, 403]


def test_skip_and_times(center: Center):
    add(center, {"status": 500}, "listRoles", skip=1, times=2)
    assert [center.status("GET", "/admin/role") for _ in range(5)] == [200, 500, 500, 200, 200]
    assert [center.ok("GET", "/_emulator/faults")[0][name] for name in ("seen", "fired")] == [5, 2]


def test_for_ever_until_cleared(center: Center):
    add(center, {"status": 500}, None, times=0)
    assert [center.status("GET", path) for path in ("/admin/role", "/admin/user", "/nowhere")] == [500, 500, 500]
    center.ok("DELETE", "/_emulator/faults")
    assert center.status("GET", "/admin/role") == 200


def test_by_method(center: Center):
    add(center, {"status": 500}, None, method="POST")
    assert center.status("GET", "/admin/role") == 200
    assert create(center).status_code == 500


def test_the_oldest_rule_wins_and_all_count(center: Center):
    add(center, {"status": 500}, "listRoles")
    add(center, {"status": 501}, None, skip=1)
    assert [center.status("GET", "/admin/role") for _ in range(3)] == [500, 501, 200]


def test_many_at_once(center: Center):
    rules = [{"operation": "listRoles", "fault": {"status": status}, "skip": at} for at, status in [(0, 500), (1, 429)]]
    assert len(center.ok("POST", "/_emulator/faults", rules)) == 2
    assert [center.status("GET", "/admin/role") for _ in range(3)] == [500, 429, 200]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"fault": {}},
        {"fault": {"status": "503"}},
        {"fault": {"drop_reply": False}},
        {"fault": {"delay": 1, "status": 500}},
        {"fault": {"explode": True}},
        {"fault": {"status": 500, "colour": "red"}},
        {"fault": {"status": 500}, "times": -1},
        {"fault": {"status": 500}, "skip": "1"},
        {"fault": {"status": 500}, "operations": "listRoles"},
        {"fault": {"status": 500}, "operation": "listRole"},
    ],
)
def test_senseless_rules_are_refused(center: Center, rule: dict[str, Any]):
    assert center.status("POST", "/_emulator/faults", rule) == 400
    assert center.ok("GET", "/_emulator/faults") == []


def test_after_a_dropped_reply_the_next_connection_is_sound(center: Center):
    for _ in range(3):
        add(center, {"drop_reply": True}, "listUsers")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            center.ask("GET", "/admin/user")
        assert center.status("GET", "/admin/user") == 200


def test_an_upload_that_ends_too_early_leaves_nothing(center: Center):
    def half() -> Any:
        yield b"x" * 100_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        center.ask("POST", "/admin/installer", content=half(), headers={"filename": NAME})

    def unsettled() -> bool:
        begun = "uploads" in center.world.state.counters
        center.ok("GET", "/admin/installer")  # is answered once what had begun has made its file
        return not begun or bool(list(center.world.spool.iterdir()))

    deadline = time.monotonic() + 30
    while unsettled() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(center.world.spool.iterdir()) == []
    assert center.ok("GET", "/admin/installer") == {}
