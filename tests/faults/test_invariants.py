"""The checker of recorded logs: for each rule a log that breaks it, and one like it that doesn't."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler.emulator.cli import emulator
from reconciler.emulator.metadefender.invariants import RULES
from reconciler.emulator.metadefender.replay import check
from reconciler.emulator.metadefender.services import TYPES

SERVICES = [
    {"service_id": f"s-{kind}", "type": kind, "host": f"{kind}.internal", "port": 1, "user": "mddc"} for kind in TYPES
]
INSTALLER = {"installer_id": "i1", "name": "ometascan-5.15.0-1-x64.msi", "type": "ometascan", "checksum": "c1"}
INSTANCE = {"type": "ometascan", "version": "5.15.0", "installer_id": "i1"}
Step = Mapping[str, Any]


def worker(number: int, status: str = "Available") -> dict[str, Any]:
    instance = None if status == "Available" else INSTANCE
    return {"worker_id": f"w{number}", "host": f"w{number}.internal", "port": 1, "status": status, "instance": instance}


def user(id: int, name: str, *roles: str) -> dict[str, Any]:
    return {"id": id, "directory_id": 1, "name": name, "roles": list(roles), "api_key": f"key-{id}"}


WORLD: dict[str, Any] = {
    "directories": [],
    "roles": [{"id": 1, "name": "administrator"}, {"id": 2, "name": "analyst"}, {"id": 3, "name": "unheld"}],
    "users": [user(1, "admin", "1"), user(2, "carol", "2")],
    "services": SERVICES,
    "workers": [worker(1), worker(2, "Deployed")],
    "installers": [INSTALLER, {**INSTALLER, "installer_id": "i2", "checksum": "c2"}],
}
SPARE_ADMIN = {"users": {"3": user(3, "root", "1")}}


def sent(operation: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """One entry of a log; the method follows from the operation's name."""
    verbs = {"list": "GET", "get": "GET", "delete": "DELETE", "remove": "DELETE", "edit": "PUT"}
    method = next((verb for start, verb in verbs.items() if operation.startswith(start)), "POST")
    return {"operationId": operation, "time": 0.0, "method": method, "path": path, "status": 200, "user": "admin",
            "body": body, "fault": None, "before": {}, **more}  # fmt: skip


def log(*entries: dict[str, Any], owned: list[str] | None = None) -> dict[str, Any]:
    numbered = [{"n": number, **entry} for number, entry in enumerate(entries, 1)]
    return {"state": WORLD, "requests": numbered, "owned": owned}


def broken(*entries: dict[str, Any], owned: list[str] | None = None) -> list[tuple[int, str]]:
    return [(one.n, one.rule) for one in check(log(*entries, owned=owned))]


def new_role(name: str) -> dict[str, Any]:
    return sent("createRole", "/admin/role", {"name": name, "display_name": name, "rights": {}})


def new_user(name: str, *roles: str) -> dict[str, Any]:
    body = {"name": name, "display_name": name, "email": "", "directory_id": 1, "roles": list(roles),
            "password": "***"}  # fmt: skip
    return sent("createUser", "/admin/user", body)


def new_worker(*hosts: str) -> dict[str, Any]:
    items = [{"display_name": host, "host": host, "port": 1, "connection_key": "***"} for host in hosts]
    return sent("connectWorkers", "/admin/worker", items)


def new_service(host: str) -> dict[str, Any]:
    item = {"type": "caching", "display_name": host, "host": host, "port": 1, "user": "mddc", "password": "***"}
    return sent("connectService", "/admin/service", item)


def deploy(worker: str, installer: str = "i1", **more: Any) -> dict[str, Any]:
    body = {"type": "ometascan", "installer_id": installer, "worker": [worker]}
    return sent("deployWorkers", "/admin/worker/deploy", body, **more)


def undeploy(**more: Any) -> dict[str, Any]:
    return sent("undeployWorkers", "/admin/worker/deploy", ["w2"], method="DELETE", **more)


def disconnect(worker: str, **more: Any) -> dict[str, Any]:
    return sent("disconnectWorkers", "/admin/worker", [worker], method="DELETE", **more)


def upgrade(**more: Any) -> dict[str, Any]:
    return sent("upgradeWorkers", "/admin/worker/upgrade", {"type": "ometascan", "version": "5.16.0"}, **more)


def edit(host: str, **more: Any) -> dict[str, Any]:
    config = {"host": host, "port": 1, "user": "mddc", "password": "***"}
    return sent("editService", "/admin/service/s-caching", {"display_name": "cache", "config": config}, **more)


def delete(what: str, id: str, **more: Any) -> dict[str, Any]:
    names = {"user": "deleteUser", "role": "deleteRole", "service": "removeService", "installer": "deleteInstaller"}
    return sent(names[what], f"/admin/{what}/{id}", **more)


USERS = sent("listUsers", "/admin/user")
WORKERS = sent("listWorkers", "/admin/worker")
IDLE = {"workers": {"w2": worker(2)}}
CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("duplicate", [new_role("analyst")], [new_role("another")]),
    ("duplicate", [new_user("carol")], [new_user("dave")]),
    ("duplicate", [new_worker("w1.internal")], [new_worker("w3.internal", "w4.internal")]),
    ("duplicate", [new_worker("w3.internal", "w3.internal")], [new_worker("w3.internal")]),
    ("duplicate", [new_service("caching.internal")], [new_service("another.internal")]),
    ("worker-not-available", [deploy("w2")], [deploy("w1")]),
    ("services-before-deploy", [deploy("w1", before={"services": {"s-broker": None}})], [deploy("w1")]),
    ("worker-before-deploy", [deploy("w9")], [deploy("w9", before={"workers": {"w9": worker(9)}})]),
    ("installer-before-deploy", [deploy("w1", "i9")], [deploy("w1", "i2")]),
    ("service-frozen", [edit("new.internal")], [edit("new.internal", before=IDLE)]),
    ("service-frozen", [delete("service", "s-caching")], [delete("service", "s-caching", before=IDLE)]),
    ("undeploy-before-disconnect", [disconnect("w2")], [disconnect("w2", before=IDLE)]),
    ("role-before-user", [new_user("dave", "9")], [new_user("dave", "2", "analyst")]),
    ("role-in-use", [delete("role", "2")], [delete("role", "2", before={"users": {"2": None}})]),
    ("installer-in-use", [delete("installer", "i1")], [delete("installer", "i2")]),
    ("self-delete", [delete("user", "1", before=SPARE_ADMIN)], [delete("user", "3", before=SPARE_ADMIN)]),
    ("last-administrator", [delete("user", "1", user="root")], [delete("user", "1", user="root", before=SPARE_ADMIN)]),
    # sent again: only a whole, true list in between, which still has it, makes up for it
    ("sent-again", [delete("user", "2"), delete("user", "2")], [delete("user", "2"), USERS, delete("user", "2")]),
    ("sent-again", [delete("user", "2"), WORKERS, delete("user", "2")], [delete("user", "2"), delete("role", "3")]),
    ("sent-again", [USERS, delete("user", "2"), delete("user", "2")], [USERS, delete("user", "2"), USERS]),
    ("sent-again", [delete("user", "2"), {**USERS, "status": 500}, delete("user", "2")],
     [delete("user", "2", status=429), delete("user", "2")]),
    ("sent-again", [delete("user", "2"), {**USERS, "fault": "cut_body"}, delete("user", "2")],
     [delete("user", "2"), {**USERS, "fault": "trickle"}, delete("user", "2")]),
    ("sent-again", [delete("user", "2"), {**USERS, "before": {"users": {"2": None}}}, delete("user", "2")],
     [delete("user", "2"), USERS, delete("user", "2")]),
    ("sent-again", [undeploy(), undeploy()], [undeploy(), WORKERS, undeploy()]),
    ("sent-again", [disconnect("w1"), disconnect("w1")], [disconnect("w1"), WORKERS, disconnect("w1")]),
    ("sent-again", [upgrade(), upgrade()], [upgrade(), WORKERS, upgrade()]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_each_rule_is_judged(rule: str, bad: list[dict[str, Any]], good: list[dict[str, Any]]):
    assert broken(*bad) == [(len(bad), rule)]
    assert broken(*good) == []


OWNERSHIP = [
    ([delete("user", "2")], [], "users/1/carol"),
    ([undeploy()], [deploy("w1")], "instances of ometascan"),
    ([upgrade()], [deploy("w1")], "instances of ometascan"),
    ([disconnect("w1")], [], "workers/w1.internal:1"),
    ([delete("role", "4", before={"roles": {"4": {"id": 4, "name": "new"}}})], [new_role("new")], "roles/new"),
    ([delete("user", "4", before={"users": {"4": user(4, "new")}})], [new_user("new")], "users/1/new"),
    ([disconnect("w4", before={"workers": {"w4": worker(4)}})], [new_worker("w4.internal")], "workers/w4.internal:1"),
]


@pytest.mark.parametrize(("destroys", "makes", "owned"), OWNERSHIP)
def test_only_what_the_log_has_made_or_what_is_owned_may_go(destroys: list[Any], makes: list[Any], owned: str):
    assert broken(*destroys, owned=[]) == [(1, "not-owned")]
    assert broken(*destroys, owned=[owned]) == []
    if makes:
        assert broken(*makes, *destroys, owned=[]) == []
    assert broken(*destroys) == []  # without a word on it, ownership isn't judged


def test_every_rule_has_its_cases():
    assert {rule for rule, _, _ in CASES} | {"not-owned"} == set(RULES)
    assert set(RULES.values()) == {3, 4, 5, 6, 7}


def test_a_body_that_isnt_as_documented_breaks_nothing():
    assert broken(sent("createRole", "/admin/role", {"name": 5}), sent("deployWorkers", "/x", ["w1"])) == []


def test_the_command_judges_a_file(tmp_path: Path):
    good, bad, none = (tmp_path / name for name in ("good.json", "bad.json", "none.json"))
    good.write_text(json.dumps(log(new_role("another"))), encoding="utf-8")
    bad.write_text(json.dumps(log(new_role("another"), new_role("analyst"))), encoding="utf-8")
    none.write_text("[]", encoding="utf-8")
    run = CliRunner().invoke
    assert run(emulator, ["--check", str(good)]).exit_code == 0
    found = run(emulator, ["--check", str(bad)])
    assert (found.exit_code, found.output) == (1, "request 2: duplicate: createRole: a second role analyst\n")
    refused = run(emulator, ["--check", str(none)])
    assert refused.exit_code == 1
    assert "isn't the log" in refused.output
