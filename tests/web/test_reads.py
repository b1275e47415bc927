"""What may be read: each shape in full, and what answers have around them."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace
from structlog.typing import EventDict

from reconciler.errors import InputError
from reconciler.model import Location, Problem
from reconciler.render.schema import problems as schema_problems
from reconciler.secret import Secret, SecretRef
from reconciler.web.problems import json_response
from tests.web.control import MemoryControl
from tests.web.serving import Served, serving

SUMMARY = ("create", "update", "replace", "delete", "upgrade", "redeploy", "blocked", "held", "unchanged")


def test_targets(shared: Served):
    answer = shared.ask("GET", "/api/v1/targets")
    assert answer.status_code == 200
    found = answer.json()
    assert list(found) == ["source", "items"]
    assert found["source"] == {
        "where": "https://git.example/desired.git",
        "revision": "abc123",
        "seen": "abc123",
        "error": None,
        "problems": [],
        "readAt": "2026-01-02T03:04:05.250Z",
        "changedAt": "2026-01-01T03:04:05.250Z",
        "sound": True,
    }
    assert [one["name"] for one in found["items"]] == ["prod", "lab"]
    assert not {"objects", "entries"} & set(found["items"][0])
    lab = found["items"][1]
    assert (lab["verdict"], lab["digest"], lab["summary"], lab["suspension"], lab["approvals"]) == (
        None,
        None,
        None,
        None,
        [],
    )


def test_unsound_source(server: Served):
    problem = Problem(Location("a/b.yaml", 3, 7), "no such kind")
    server.control.source = replace(server.control.source, seen="def", problems=(problem,), error="2 problems")
    source = server.ask("GET", "/api/v1/targets").json()["source"]
    assert source["problems"] == [{"file": "a/b.yaml", "line": 3, "column": 7, "message": "no such kind"}]
    assert (source["sound"], source["seen"], source["revision"]) == (False, "def", "abc123")


def test_target_in_full(shared: Served):
    found = shared.ask("GET", "/api/v1/targets/prod").json()
    plan = shared.control.targets["prod"].plan
    assert plan is not None
    assert found == {
        "name": "prod",
        "system": "metadefender",
        "url": "https://center.example:8892",
        "mode": "enforce",
        "phase": "waiting",
        "verdict": "blocked",
        "error": "2 steps are held back",
        "remedy": "approve the plan",
        "revision": "abc123",
        "pass": "p-1",
        "checkedAt": "2026-01-02T03:04:05.250Z",
        "succeededAt": "2026-01-02T03:03:05.250Z",
        "nextAt": "2026-01-02T03:05:05.250Z",
        "failures": 1,
        "holder": "replica-2",
        "window": "closed until 22:00",
        "suspension": {
            "owner": "ops",
            "reason": "maintenance",
            "since": "2026-01-02T03:04:00.250Z",
            "until": "2026-01-02T04:04:05.250Z",
        },
        "approvals": [
            {
                "digest": "sha256:" + "a" * 64,
                "by": "ops",
                "at": "2026-01-02T03:04:05.250Z",
                "until": "2026-01-03T03:04:05.250Z",
            }
        ],
        "digest": plan.digest,
        "summary": dict.fromkeys(SUMMARY, 0) | {"create": 2},
        "objects": [
            {
                "kind": "Role",
                "name": "analyst",
                "sync": "pending",
                "health": "missing",
                "words": "not there yet",
                "healthWords": "",
            },
            {
                "kind": "User",
                "name": "alice",
                "sync": "blocked",
                "health": "unknown",
                "words": "waits for its role",
                "healthWords": "",
            },
            {
                "kind": "Worker",
                "name": "w1",
                "sync": "synced",
                "health": "healthy",
                "words": "",
                "healthWords": "Available",
            },
        ],
        "entries": [
            {
                "id": 7,
                "operation": "createUser",
                "action": "create",
                "objects": ["User/alice"],
                "at": "2026-01-02T03:04:05.250Z",
                "status": "unknown",
                "reason": "the connection was lost",
            }
        ],
    }
    assert datetime.fromisoformat(found["checkedAt"]).utcoffset() is not None


def test_pending_plans(shared: Served):
    found = shared.ask("GET", "/api/v1/plan").json()
    assert (found["apiVersion"], found["kind"]) == ("reconciler/v1", "PlanList")
    assert [one["target"] for one in found["items"]] == ["prod"]
    assert list(schema_problems(found, "PlanList")) == []
    assert shared.ask("GET", "/api/v1/plan?target=prod").json() == found
    assert shared.ask("GET", "/api/v1/plan?target=lab").json()["items"] == []


def test_history(shared: Served):
    found = shared.ask("GET", "/api/v1/history?target=prod").json()["items"]
    assert found[0] == {
        "id": 2,
        "at": "2026-01-02T03:03:05.250Z",
        "mode": "enforce",
        "revision": "abc123",
        "digest": "sha256:" + "0" * 64,
        "ended": "2026-01-02T03:03:10.250Z",
        "verdict": "converged",
        "summary": {"create": 1},
        "outcomes": [{"id": "create/Role/r", "status": "done", "attempts": 1}],
    }
    assert (found[1]["ended"], found[1]["verdict"]) == (None, None)
    assert [one["id"] for one in shared.ask("GET", "/api/v1/history?target=prod&limit=1").json()["items"]] == [2]


@pytest.mark.parametrize("path", ["targets/nobody", "plan?target=nobody", "history?target=nobody"])
def test_unknown_target(shared: Served, path: str):
    answer = shared.ask("GET", f"/api/v1/{path}")
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no target of this name",
    }


@pytest.mark.parametrize(
    "path",
    [
        "history",
        "history?target=prod&limit=0",
        "history?target=prod&limit=1001",
        "history?target=prod&limit=1.0",
        "history?target=prod&limit=%201",
        "history?target=prod&limit=1_0",
        "history?target=prod&limit=",
        "history?target=prod&limit=1&limit=2",
        "history?target=prod&more=1",
        "history?target=",
        "plan?name=prod",
        "targets?limit=1",
        "events?since=-1",
        "events?since=99999999999999999999999",
    ],
)
def test_unfit_query(shared: Served, path: str):
    answer = shared.ask("GET", f"/api/v1/{path}", headers={"Accept": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith("the query ")


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1", "/api/v1/nothing", "/api/v2/targets", "/api/v1/targets/", "/api/v1/targets/a/b/c"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_path(shared: Served, path: str, method: str):
    answer = shared.ask(method, path)
    assert answer.status_code == 404
    assert path == "/api" or answer.json()["title"] == "Not Found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/v1/targets", "GET, HEAD"),
        ("GET", "/api/v1/approvals", "POST"),
        ("PUT", "/api/v1/plan", "GET, HEAD, POST"),
        ("OPTIONS", "/metrics", "GET, HEAD"),
        ("GET", "/hooks/git", "POST"),
        ("TRACE", "/healthz", "GET, HEAD"),
    ],
)
def test_other_methods(shared: Served, method: str, path: str, allow: str):
    answer = shared.ask(method, path, None)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.headers["content-type"] == "application/problem+json"


def test_head(shared: Served):
    full, head = (shared.ask(method, "/api/v1/targets") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        full.headers["content-length"],
    )
    assert shared.ask("HEAD", "/api/v1/events").headers["content-type"].startswith("text/event-stream")


def test_every_answer_is_hardened(shared: Served):
    for path in ("/healthz", "/metrics", "/api/v1/targets", "/api/v1/nothing", "/api/v1/openapi.json"):
        headers = shared.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_probes(server: Served):
    assert server.ask("GET", "/healthz", None).json() == {"status": "ok"}
    assert server.ask("GET", "/readyz", None).json() == {"status": "ok"}
    server.control.ready = False
    server.control.stuck = "the pass of prod"
    alive, ready = server.ask("GET", "/healthz", None), server.ask("GET", "/readyz", None)
    assert (alive.status_code, alive.json()) == (503, {"status": "stuck", "detail": "the pass of prod"})
    assert (ready.status_code, ready.json()) == (503, {"status": "not-ready"})


def test_metrics_in_the_format_that_is_asked_for(shared: Served):
    plain = shared.ask("GET", "/metrics", "read")
    assert "targets 2.0" in plain.text
    assert plain.headers["content-type"].startswith("text/plain")
    assert plain.headers["vary"] == "Accept"
    newer = shared.ask("GET", "/metrics", "read", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert newer.headers["content-type"].startswith("application/openmetrics-text")
    assert newer.text.endswith("# EOF\n")


def test_what_no_encoder_takes_is_escaped(server: Served):
    server.tell("odd", "prod", text="half a \ud800 character", number=2**80)
    found = server.ask("GET", "/api/v1/events", headers={"Accept": "application/json"}).json()["items"][0]["data"]
    assert found == {"text": "half a \\ud800 character", "number": str(2**80)}


def test_a_secret_is_no_json():
    """None gets there; one that did would not be told."""
    body = json_response({"a": [Secret("swordfish")], "b": SecretRef("name")}).body
    assert body == b'{"a":["(secret)"],"b":"(secret)"}'


def test_failures_say_nothing_and_are_logged(logs: list[EventDict]):
    control = MemoryControl()
    with serving(control) as server:
        control.trouble = RuntimeError("the secret is swordfish")
        for method, path in (("GET", "targets/prod"), ("GET", "history?target=prod"), ("POST", "targets/prod/resume")):
            answer = server.ask(method, f"/api/v1/{path}")
            assert answer.status_code == 500
            assert answer.json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}
        control.trouble = InputError("that isn't possible", remedy="do something else")
        answer = server.ask("POST", "/api/v1/targets/prod/resume")
        assert (answer.status_code, answer.json()["detail"]) == (422, "that isn't possible")
        assert answer.json()["remedy"] == "do something else"
    assert len([one for one in logs if one["event"] == "the request failed"]) == 3


def test_requests_are_logged_without_secrets(logs: list[EventDict]):
    with serving() as server:
        server.ask("GET", "/api/v1/history?target=prod&limit=7", "read")
        server.ask("GET", "/api/v1/targets/%0a%1b[31m?x=hidden", "operate")
    found = [one for one in logs if one["event"] == "request"]
    assert [(one["method"], one["path"], one["status"], one["by"], one["log_level"]) for one in found] == [
        ("GET", "/api/v1/history", 200, "the-reader", "debug"),
        ("GET", "/api/v1/targets/\\n\\u001b[31m", 422, "the-operateer", "debug"),
    ]
    assert "limit" not in repr(logs)
    assert "token" not in repr(logs)
    assert "hidden" not in repr(logs)
