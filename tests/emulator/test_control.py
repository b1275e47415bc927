"""The control requests: what was asked, what was broken, and changes behind a client's back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.emulator import journal
from reconciler.emulator.collection import Collection, Listing
from reconciler.emulator.journal import Journal
from reconciler.emulator.metadefender.app import Setup, build, create_app
from reconciler.emulator.metadefender.redaction import redacted
from reconciler.emulator.metadefender.state import hidden
from tests.emulator.center import API_KEY, NAME, Center, Switch

CANARY = "canary-5e1f"


def edit(center: Center, collection: str, **order: object) -> int:
    return int(center.ok("POST", "/_emulator/edit", {"collection": collection, **order})["changed"])


def test_requests_are_logged(center: Center):
    center.login()
    center.ok("GET", "/admin/user")
    center.status("DELETE", "/admin/user/9")
    center.status("GET", "/nowhere")
    log = center.ok("GET", "/_emulator/requests")
    shown = [(entry["n"], entry["method"], entry["path"], entry["operationId"], entry["status"]) for entry in log]
    assert shown == [
        (1, "POST", "/login", "login", 200),
        (2, "GET", "/admin/user", "listUsers", 200),
        (3, "DELETE", "/admin/user/9", "deleteUser", 404),
        (4, "GET", "/nowhere", None, 404),
    ]
    assert [entry["user"] for entry in log] == ["admin", "admin", "admin", None]
    assert log[0]["time"] <= log[3]["time"]
    assert center.ok("GET", "/_emulator/requests?since=3") == log[3:]
    assert center.ok("GET", "/_emulator/counts") == {
        "total": 4,
        "operations": {"login": 1, "listUsers": 1, "deleteUser": 1, "unknown": 1},
        "methods": {"POST": 1, "GET": 2, "DELETE": 1},
    }
    center.ok("DELETE", "/_emulator/requests")
    assert center.ok("GET", "/_emulator/requests") == []
    assert center.ok("GET", "/_emulator/counts")["total"] == 0
    center.ok("GET", "/admin/user")
    assert center.ok("GET", "/_emulator/requests")[0]["n"] == 5


def test_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch):
    assert journal.LIMIT == 200_000
    monkeypatch.setattr(journal, "LIMIT", 3)
    log = Journal()
    for _ in range(5):
        log.begin("GET", "/", None)
    assert [entry["n"] for entry in log.requests()] == [3, 4, 5]


def test_no_secret_is_told(center: Center):
    key = "9f" * 18
    center.ok("POST", "/admin/user", {"name": "a", "password": CANARY, "api_key": key})
    center.status("POST", "/login", {"user": "a", "password": CANARY})
    center.status("POST", "/user/changepassword", {"old_password": CANARY, "new_password": CANARY})
    center.status("POST", "/login", {"user": "a", "password": {"deeper": CANARY}})
    worker = {"host": "w", "port": 1, "connection_key": CANARY}
    center.ok("POST", "/admin/worker", [worker])
    service = {"type": "broker", "host": "h", "port": 1, "user": "u", "password": CANARY}
    center.ok("POST", "/admin/service", service)
    setting = {"storage": {"type": "salt", "config": {"key": CANARY}}}
    center.ok("PUT", "/admin/service/filestorage/setting", setting)
    edit(center, "users", match={"name": "a"}, set={"password": CANARY})
    for path in ("requests", "state", "violations", "counts", "faults"):
        text = center.ask("GET", f"/_emulator/{path}").text
        assert CANARY not in text
        assert key not in text
        assert API_KEY not in text
    bodies = [entry["body"] for entry in center.ok("GET", "/_emulator/requests")]
    assert bodies[0] == {"name": "a", "password": "***", "api_key": "***"}
    assert bodies[4] == [{"host": "w", "port": 1, "connection_key": "***"}]
    [stored] = center.ok("GET", "/_emulator/state")["workers"]
    assert stored["connection_key"] == hidden(CANARY), "a test can tell which secret arrived"


def test_redaction_leaves_the_rest():
    body = {"name": "n", "config": {"host": "h", "password": "p"}, "storage": {"type": "salt", "config": {"a": 1}}}
    assert redacted(body) == {
        "name": "n",
        "config": {"host": "h", "password": "***"},
        "storage": {"type": "salt", "config": "***"},
    }


def test_violations_name_the_request(center: Center):
    center.ok("GET", "/admin/user")
    center.status("DELETE", "/admin/role/1")
    [violation] = center.ok("GET", "/_emulator/violations")
    assert (violation["n"], violation["rule"]) == (2, "built-in")
    assert "deleteRole" in violation["detail"]
    center.ok("DELETE", "/_emulator/violations")
    assert center.rules() == []


def test_edits(deployed: Center):
    assert edit(deployed, "users", add={"name": "human", "password": "p"}) == 1
    assert edit(deployed, "users", match={"name": "human"}, set={"email": "h@example.com", "id": 77}) == 1
    users = deployed.ok("GET", "/admin/user")
    assert [(user["id"], user["email"]) for user in users][2:] == [(77, "h@example.com")]
    assert edit(deployed, "users", match={"id": 77}, set={"password": "new", "roles": ["administrator"]}) == 1
    session = deployed.login("human", "new")
    assert session.status("GET", "/admin/user") == 200
    assert edit(deployed, "users", match={"id": "77"}, delete=True) == 1
    assert session.status("GET", "/admin/user") == 403
    assert len(deployed.ok("GET", "/admin/user")) == 2
    assert edit(deployed, "workers", match={"port": 8893}, set={"display_name": "same"}) == 2
    assert edit(deployed, "workers", match={"host": "nobody"}, delete=True) == 0
    assert edit(deployed, "settings", match={"name": "auditlog"}, set={"cleanuprange": 1}) == 1
    assert deployed.ok("GET", "/_emulator/state")["settings"]["auditlog"] == {"cleanuprange": 1}
    assert edit(deployed, "directories", match={"name": "LOCAL"}, set={"lockout_attempts": 1}) == 1
    deployed.status("POST", "/login", {"user": "admin", "password": "wrong"})
    assert deployed.status("POST", "/login", {"user": "admin", "password": "admin"}) == 403


def test_what_a_human_deleted_isnt_deleted_twice(deployed: Center):
    [worker, _] = deployed.ok("GET", "/admin/worker")
    edit(deployed, "workers", match={"worker_id": worker["worker_id"]}, delete=True)
    deployed.ok("DELETE", "/admin/worker", [worker["worker_id"]])
    assert deployed.rules() == ["unknown-id"]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"collection": "users"},
        {"collection": "nothing", "match": {}, "delete": True},
        {"collection": "users", "delete": True, "set": {}},
        {"collection": "settings", "match": {"name": "nothing"}, "set": {}},
        {"collection": "directories", "add": {}},
        {"collection": "users", "delete": True, "where": {}},
    ],
)
def test_senseless_edits_are_refused(center: Center, order: dict[str, object]):
    assert center.status("POST", "/_emulator/edit", order) == 400
    assert len(center.ok("GET", "/admin/user")) == 2


def test_sessions_and_clock(center: Center):
    session = center.login()
    center.ok("POST", "/_emulator/clock", {"advance": 299})
    assert session.status("GET", "/admin/user") == 200
    center.ok("POST", "/_emulator/clock", {"advance": 301})
    assert session.status("GET", "/admin/user") == 403
    center.login()
    assert center.ok("GET", "/_emulator/state")["sessions"] == 1
    assert center.ok("POST", "/_emulator/sessions/expire") == {"expired": 1}
    assert center.status("POST", "/_emulator/clock", {"advance": -1}) == 400


def test_without_control(tmp_path: Path, served: tuple[Switch, httpx.Client]):
    switch, client = served
    switch.app = create_app(build(Setup(tmp_path, api_key=API_KEY)), control=False)
    assert client.get("/_emulator/state").status_code == 404
    assert client.get("/admin/user", headers={"apikey": API_KEY}).status_code == 200


def test_an_unforeseen_error_is_a_500(
    center: Center, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.delattr(center.world.state, "settings")
    response = center.ask("GET", "/admin/config/sessioncookie")
    assert (response.status_code, response.json()) == (500, {"err": "Unexpected event on server"})
    assert "AttributeError" in capfd.readouterr().err


def test_lists_are_rendered_only_where_they_changed():
    rendered: list[int] = []

    def render(record: dict[str, Any]) -> object:
        rendered.append(record["id"])
        return record["id"]

    collection = Collection("id", lambda record: [("even", record["id"] % 2 == 0)])
    listing = Listing(collection, render)
    assert listing.text(0) == b"[]"
    for number in range(4):
        collection.add({"id": number})
    assert [listing.text(0), listing.text(0)] == [b"[0,1,2,3]"] * 2
    collection.remove("1")
    collection.change("2", more=True)
    collection.change("3", id=9)
    assert listing.text(0) == b"[0,2,9]"
    assert (sorted(rendered[:4]), sorted(rendered[4:])) == ([0, 1, 2, 3], [2, 9])
    assert listing.text(1, by_id=True) == b'{"0":0,"2":2,"9":9}'
    assert [record["id"] for record in collection.tagged("even", True)] == [0, 2]
    assert not collection.has("odd")


def test_uploads_are_logged_by_name(center: Center):
    center.upload()
    assert center.ok("GET", "/_emulator/requests")[0]["body"] == {"filename": NAME}
