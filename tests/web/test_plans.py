"""Plans of trees that callers send: made for real, written out, and bounded in size, time, rate and number."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reconciler.config.daemon import PlanLimits
from reconciler.render.schema import problems as schema_problems
from reconciler.web.gates import Bucket
from reconciler.web.settings import Role
from tests.systems import kit
from tests.web.control import MemoryControl
from tests.web.serving import Served, eventually, serving

ROLE = {"name": "team/a.yaml", "content": kit.role("analyst", {"users": ["read"]})}
USER = {"name": "b.yml", "content": kit.user("alice", "analyst")}


def post(server: Served, body: Any, role: Role = Role.PLAN, **more: Any) -> httpx.Response:
    return server.ask("POST", "/api/v1/plan", role, json=body, **more)


def test_a_plan_is_made(shared: Served):
    answer = post(shared, {"files": [ROLE, USER], "targets": ["lab"]})
    assert answer.status_code == 200
    found = answer.json()
    assert [step["id"] for step in found["items"][0]["steps"]] == ["create/Role/analyst", "create/User/alice"]
    assert found["items"][0]["target"] == "lab"
    assert list(schema_problems(found, "PlanList")) == []
    assert shared.control.asked.pop() == ("plan", ("b.yml", "team/a.yaml"), ("lab",))
    everywhere = post(shared, {"files": [ROLE]}).json()
    assert [one["target"] for one in everywhere["items"]] == ["prod", "lab"]
    assert "rendered" not in everywhere
    shared.control.asked.clear()


@pytest.mark.parametrize(
    ("render", "start"),
    [
        ({"format": "text"}, "Plan for lab"),
        ({"format": "text", "width": 40, "color": True, "full": True}, "\x1b["),
        ({"format": "markdown"}, "#"),
        ({"format": "html"}, "<!doctype html>"),
    ],
)
def test_plans_are_written_out(shared: Served, render: dict[str, Any], start: str):
    body = {"files": [ROLE], "targets": ["lab"], "render": render}
    (text,) = post(shared, body).json()["rendered"]
    assert "analyst" in text
    assert text.lower().startswith(start.lower()) or start in text
    assert "\x1b" not in text or "color" in render


def test_width_and_fullness_count(shared: Served):
    roles = "\n---\n".join(kit.role(f"analyst-{number}", {"users": ["read"]}) for number in range(50))
    brief = {"format": "text", "width": 60}
    renders = [brief, brief | {"width": 400}, brief | {"full": True}]
    files = [{"name": "a.yaml", "content": roles}]
    bodies = [{"files": files, "targets": ["lab"], "render": render} for render in renders]
    texts = [post(shared, body).json()["rendered"][0] for body in bodies]
    assert len(texts[2].splitlines()) > len(texts[0].splitlines()) + 50
    line = "create Role, 50 times: fields left out (plan --full shows them)"
    assert [line in text for text in texts] == [False, True, False]


def test_every_problem_has_its_place(shared: Served):
    broken = {"name": "x/y.yaml", "content": "a: [\n"}
    unknown = {"name": "z.yaml", "content": kit.doc("Rolle", "x", {}) + "\n---\n" + kit.doc("Role", "y", {"wrong": 1})}
    answer = post(shared, {"files": [broken, unknown]})
    assert answer.status_code == 422
    found = answer.json()["problems"]
    assert {one["file"] for one in found} == {"x/y.yaml", "z.yaml"}
    assert {one["line"] for one in found if one["file"] == "z.yaml"} == {1, 3}
    assert all(one["column"] >= 1 and one["message"] for one in found)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a.yaml",
        "../a.yaml",
        "a/../b.yaml",
        "./a.yaml",
        "a//b.yaml",
        ".hidden.yaml",
        ".git/a.yaml",
        "a.json",
        "a.yaml/",
        "a\n.yaml",
        "a\u202e.yaml",
        "a\x00.yaml",
        "a.yaml\n",
        "x" * 5000 + ".yaml",
    ],
)
def test_file_names_stay_in_the_tree(shared: Served, name: str):
    answer = post(shared, {"files": [{"name": name, "content": ""}]})
    assert answer.status_code == 422
    assert "files.0.name: " in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"files": [{"name": "a.yaml"}]},
        {"files": [{"name": "a.yaml", "content": "", "mode": 1}]},
        {"files": {"a.yaml": ""}},
        {"files": [], "targets": "lab"},
        {"files": [], "targets": [""]},
        {"files": [], "prune": True},
        {"files": [], "render": {"format": "json"}},
        {"files": [], "render": {"format": "text", "width": 39}},
        {"files": [], "render": {"format": "text", "width": 401}},
        {"files": [], "render": {"format": "text", "color": 1}},
        {"files": [], "render": {}},
    ],
)
def test_unfit_bodies(shared: Served, body: Any):
    assert post(shared, body).status_code == 422


def test_one_name_twice(shared: Served):
    answer = post(shared, {"files": [ROLE, ROLE]})
    assert (answer.status_code, answer.json()["detail"]) == (422, "the request has team/a.yaml more than once")


def test_unknown_target(shared: Served):
    assert post(shared, {"files": [], "targets": ["nobody"]}).status_code == 404
    shared.control.asked.clear()


def tree_of(size: int) -> dict[str, Any]:
    return {"files": [{"name": "a.yaml", "content": "#" * size}]}


def test_size():
    with serving(plans=PlanLimits(bytes=200_000)) as server:
        assert post(server, tree_of(190_000)).status_code == 200
        server.control.asked.clear()
        for size in (200_000, 3_000_000):
            answer = post(server, tree_of(size))
            assert answer.status_code == 413
            assert answer.json()["detail"] == "the request's body is larger than 200000 bytes"
        assert server.control.asked == []


@pytest.mark.ci
def test_a_body_without_end_is_cut():
    """Sent in chunks, so that its size is not known beforehand."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in itertools.repeat(None, 40_000):
            sent += 65536
            yield b" " * 65536

    with serving(plans=PlanLimits(bytes=200_000)) as server:
        headers = {"Content-Type": "application/json"}
        try:
            answer = server.ask("POST", "/api/v1/plan", Role.PLAN, content=endless(), headers=headers)
        except (httpx.WriteError, httpx.ReadError):
            pass
        else:
            assert answer.status_code == 413
        eventually(lambda: server.ask("GET", "/healthz").status_code == 200)
        assert server.control.asked == []


def test_time():
    control = MemoryControl()
    control.slow = 30
    with serving(control, plans=PlanLimits(timeout=0.2, at_once=1)) as server:
        for _ in range(2):
            answer = post(server, {"files": [ROLE]})
            assert (answer.status_code, answer.json()["detail"]) == (504, "the plan wasn't made within 0.2 s")
        eventually(lambda: control.planning == 0)


def test_a_plan_that_does_not_end_keeps_its_room():
    control = MemoryControl()
    control.slow, control.stubborn = 1.5, True
    with serving(control, plans=PlanLimits(timeout=0.1, at_once=1)) as server:
        assert post(server, {"files": [ROLE]}).status_code == 504
        busy = post(server, {"files": [ROLE]})
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
        control.stubborn = False
        eventually(lambda: post(server, {"files": [ROLE]}).status_code == 504)


def test_number_at_once():
    control = MemoryControl()
    control.slow = 1.0
    with serving(control, plans=PlanLimits(at_once=2)) as server:
        found: list[int] = []

        def ask() -> None:
            found.append(post(server, {"files": [ROLE]}, Role.OPERATE).status_code)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        eventually(lambda: control.planning == 2)
        refused = post(server, {"files": [ROLE]})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert "2 plans" in refused.json()["detail"]
        assert server.ask("GET", "/api/v1/targets").status_code == 200
        for thread in threads:
            thread.join()
        assert found == [200, 200]
        assert post(server, {"files": [ROLE]}).status_code == 200


def test_room_is_taken_before_the_body_is_read():
    """Else as many bodies would lie in memory as somebody cares to send."""
    gate = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b'{"files": ['
        gate.wait(5)
        yield b"]}"

    with serving(plans=PlanLimits(at_once=1)) as server:
        found: list[int] = []

        def ask() -> None:
            headers = {"Content-Type": "application/json"}
            found.append(server.ask("POST", "/api/v1/plan", content=slowly(), headers=headers).status_code)

        thread = threading.Thread(target=ask)
        thread.start()
        eventually(lambda: server.app.state.services.plan_slots.taken == 1)
        assert post(server, {"files": []}).status_code == 503
        gate.set()
        thread.join()
        assert found == [200]


def test_a_body_that_does_not_come():
    def stuck() -> Iterator[bytes]:
        yield b'{"files": ['
        time.sleep(1)
        yield b"]}"

    with serving(body_seconds=0.2) as server:
        headers = {"Content-Type": "application/json"}
        answer = server.ask("POST", "/api/v1/plan", Role.PLAN, content=stuck(), headers=headers)
        assert (answer.status_code, answer.headers["connection"]) == (408, "close")
        assert server.app.state.services.plan_slots.taken == 0


def test_rate_is_each_caller_s_own():
    with serving(plans=PlanLimits(per_minute=2)) as server:
        assert [post(server, {"files": []}).status_code for _ in range(3)] == [200, 200, 429]
        refused = post(server, {"files": []})
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert post(server, {"files": []}, Role.OPERATE).status_code == 200
        assert len(server.control.asked) == 3


def test_whoever_leaves_stops_the_plan():
    control = MemoryControl()
    control.slow = 30
    with serving(control) as server:
        with server.client(Role.PLAN) as client, pytest.raises(httpx.ReadTimeout):
            client.post("/api/v1/plan", json={"files": []}, timeout=httpx.Timeout(10, read=0.3))
        eventually(lambda: control.planning == 0)
        eventually(lambda: server.app.state.services.plan_slots.taken == 0)


def test_bucket():
    now = [0.0]
    bucket = Bucket(2, clock=lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [0, 0, 30]
    now[0] = 15
    assert bucket.take() == pytest.approx(15)
    now[0] = 30
    assert bucket.take() == 0
    now[0] = 10_000
    assert [bucket.take() for _ in range(3)] == [0, 0, 30]
    assert Bucket(0, clock=lambda: now[0]).take() == 60
