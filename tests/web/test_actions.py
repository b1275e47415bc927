"""What operators may do: that the daemon is asked for exactly that, and what bodies are refused."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.typing import EventDict

from reconciler.errors import (
    InputError,
    LeaseLost,
    MissingSecret,
    NoRights,
    ReconcilerError,
    StateLocked,
    StateUnusable,
    UnknownTarget,
    Unreachable,
)
from reconciler.web import actions
from reconciler.web.settings import Role
from tests.web.serving import Served, bearer, eventually

BODIES: dict[str, Any] = {
    "targets/prod/suspend": {"reason": "upgrade"},
    "approvals": {"digest": "sha256:" + "0" * 64},
    "targets/prod/adopt": {"kind": "User", "name": "alice"},
    "targets/prod/forget": {"kind": "User", "name": "alice"},
    "targets/prod/resolve": {"entry": 7, "ending": "done"},
    "plan": {"files": []},
}


def post(server: Served, path: str, body: Any = None, **more: Any) -> Any:
    given = {"json": body} if body is not None else {}
    return server.ask("POST", f"/api/v1/{path}", **given, **more)


def test_reconcile(server: Served):
    for path, target in (("reconcile", None), ("targets/lab/reconcile", "lab")):
        answer = post(server, path)
        assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
        assert server.control.asked.pop() == ("wake", target, "the-operateer")
    assert post(server, "targets/nobody/reconcile").status_code == 404
    assert server.control.asked == []


def test_suspend_and_resume(server: Served):
    answer = post(server, "targets/lab/suspend", {"reason": "upgrade of the rack", "for": 90})
    assert answer.status_code == 200
    found = answer.json()
    assert found["name"] == "lab"
    assert (found["suspension"]["owner"], found["suspension"]["reason"]) == ("the-operateer", "upgrade of the rack")
    name, target, by, _, until = server.control.asked.pop()
    assert (name, target, by) == ("suspend", "lab", "the-operateer")
    assert abs(until - time.time() - 90) < 10
    assert post(server, "targets/lab/suspend", {"reason": "x", "for": 0.5}).status_code == 200
    assert post(server, "targets/lab/suspend", {"reason": "x"}).json()["suspension"]["until"] is None
    assert post(server, "targets/lab/resume").json()["suspension"] is None
    assert server.control.asked[-1] == ("resume", "lab", "the-operateer")


def test_approve(server: Served):
    plan = server.control.targets["prod"].plan
    assert plan is not None
    for body in ({"digest": plan.digest}, {"digest": plan.digest, "target": "prod"}):
        answer = post(server, "approvals", body)
        assert (answer.status_code, answer.json()) == (201, {"target": "prod", "digest": plan.digest})
    assert server.control.asked == [
        ("approve", None, plan.digest, "the-operateer"),
        ("approve", "prod", plan.digest, "the-operateer"),
    ]
    refused = post(server, "approvals", {"digest": "sha256:" + "1" * 64})
    assert (refused.status_code, refused.json()["remedy"]) == (422, "look at the pending plan again")
    assert post(server, "approvals", {"digest": plan.digest, "target": "nobody"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("adopt", {"kind": "User", "name": "alice"}, ("adopt", "prod", "User", "alice", "the-operateer", None)),
        (
            "adopt",
            {"kind": "User", "name": "alice", "id": "7"},
            ("adopt", "prod", "User", "alice", "the-operateer", "7"),
        ),
        ("forget", {"kind": "User", "name": "alice"}, ("forget", "prod", "User", "alice", "the-operateer")),
        ("resolve", {"entry": 7, "ending": "not-done"}, ("resolve", "prod", 7, "not-done", "the-operateer")),
    ],
)
def test_settling(server: Served, path: str, body: dict[str, Any], asked: tuple[Any, ...]):
    answer = post(server, f"targets/prod/{path}", body)
    assert (answer.status_code, answer.json()) == (200, {"status": "done"})
    assert server.control.asked == [asked]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("targets/lab/suspend", {}),
        ("targets/lab/suspend", {"reason": ""}),
        ("targets/lab/suspend", {"reason": "x" * 501}),
        ("targets/lab/suspend", {"reason": "two\nlines"}),
        ("targets/lab/suspend", {"reason": 5}),
        ("targets/lab/suspend", {"reason": "x", "for": 0}),
        ("targets/lab/suspend", {"reason": "x", "for": -1}),
        ("targets/lab/suspend", {"reason": "x", "for": "1h"}),
        ("targets/lab/suspend", {"reason": "x", "for": True}),
        ("targets/lab/suspend", {"reason": "x", "for": 1e12}),
        ("targets/lab/suspend", {"reason": "x", "period": 5}),
        ("targets/lab/suspend", {"reason": "x", "until": 5}),
        ("targets/lab/suspend", []),
        ("targets/lab/suspend", "text"),
        ("approvals", {"digest": "sha256:" + "A" * 64}),
        ("approvals", {"digest": "sha256:" + "a" * 63}),
        ("approvals", {"digest": "sha256:" + "a" * 64 + "\n"}),
        ("targets/prod/adopt", {"kind": "User"}),
        ("targets/prod/adopt", {"kind": "user/x", "name": "a"}),
        ("targets/prod/adopt", {"kind": "User", "name": "a", "id": 7}),
        ("targets/prod/forget", {"kind": "User", "name": "a", "id": "7"}),
        ("targets/prod/resolve", {"entry": "7", "ending": "done"}),
        ("targets/prod/resolve", {"entry": 7.5, "ending": "done"}),
        ("targets/prod/resolve", {"entry": 0, "ending": "done"}),
        ("targets/prod/resolve", {"entry": 2**70, "ending": "done"}),
        ("targets/prod/resolve", {"entry": 7, "ending": "unknown"}),
    ],
)
def test_unfit_bodies(shared: Served, path: str, body: Any):
    answer = post(shared, path, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith("the request's body has 1 problem: ")
    assert shared.control.asked == []


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"a": 1} x', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"reason": "\\ud800"}', "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b"null", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{}", "application/jsonp", 415),
        (b"{}", None, 415),
        (b'{"x": ""}', "application/json", 422),
    ],
)
def test_malformed_bodies(shared: Served, path: str, content: bytes, kind: str | None, status: int):
    headers = {"Content-Type": kind} if kind else {}
    answer = shared.ask("POST", f"/api/v1/{path}", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert shared.control.asked == []


def test_a_charset_is_no_other_type(server: Served):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    content = json.dumps({"reason": "x"})
    answer = server.ask("POST", "/api/v1/targets/lab/suspend", content=content, headers=headers)
    assert answer.status_code == 200


def test_what_a_body_held_is_not_repeated(shared: Served):
    answer = post(shared, "targets/lab/suspend", {"reason": ["swordfish"], "x\n\x1b[31m" + "y" * 500: "swordfish"})
    assert answer.status_code == 422
    assert "swordfish" not in answer.text
    assert len(answer.text) < 500
    assert "x\\n\\u001b[31m" in answer.json()["detail"]


@pytest.mark.parametrize("path", [path for path in BODIES if path != "plan"])
def test_small_bodies_are_bounded(shared: Served, path: str):
    answer = shared.ask("POST", f"/api/v1/{path}", content=b" " * 70_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 5000

    answer = shared.ask("POST", f"/api/v1/{path}", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "the request's body is larger than 65536 bytes"


def test_an_action_has_a_deadline(server: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(actions, "SECONDS", 0.2)
    server.control.slow = 30
    answer = post(server, "targets/prod/resume")
    assert (answer.status_code, answer.json()["title"]) == (504, "Gateway Timeout")


def test_whoever_leaves_before_the_body_is_whole_asked_for_nothing(server: Served, logs: list[EventDict]):
    host, port = server.url.removeprefix("http://").split(":")
    token = bearer(Role.OPERATE)["Authorization"]
    head = f"POST /api/v1/targets/lab/suspend HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 15\r\n\r\n".encode())
        connection.sendall(b'{"reason": "x"')
        time.sleep(0.1)
    eventually(lambda: [one for one in logs if one["event"] == "request"])
    assert [one for one in logs if one["log_level"] == "error"] == []
    assert server.control.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownTarget("x"), 404),
        (InputError("x"), 422),
        (MissingSecret("x"), 422),
        (StateLocked("x"), 409),
        (LeaseLost("x"), 409),
        (Unreachable("x"), 502),
        (NoRights("x", status=403), 502),
        (StateUnusable("x"), 500),
        (ReconcilerError("x"), 500),
    ],
)
def test_each_error_has_its_status(server: Served, error: ReconcilerError, status: int):
    server.control.trouble = error
    for path, body in BODIES.items():
        answer = post(server, path, body)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.json().get("detail") == (None if status == 500 else "x")
