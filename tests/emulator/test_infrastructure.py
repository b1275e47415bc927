"""Settings, services, workers and installers."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from reconciler.emulator.metadefender.installers import parsed
from reconciler.emulator.metadefender.state import hidden
from tests.emulator.center import NAME, Center, Make

BROKER = {"type": "broker", "display_name": "b", "host": "b.local", "port": 5672, "user": "u", "password": "p"}
STORAGE = {"type": "filestorage", "display_name": "f", "host": "f.local", "port": 8890, "connection_key": "k"}
SETTING = "/admin/service/filestorage/setting"
MODIFIED = "Service configuration cannot be modified after instances have been deployed."
DELETED = "Service configuration cannot be deleted after instances have been deployed."


@pytest.mark.parametrize("value", [-1, "5", 1.5, True, None])
def test_cleanup_is_checked(center: Center, value: object):
    assert center.status("PUT", "/admin/config/auditlog/cleanup", {"cleanuprange": value}) == 400


def test_cleanups_are_four_settings(make: Make):
    center = make(cleanup_get="value")
    center.ok("PUT", "/admin/config/auditlog/cleanup", {"cleanuprange": 0})
    assert center.ok("GET", "/admin/config/auditlog/cleanup") == {"cleanuprange": 0}
    assert center.ok("GET", "/admin/config/scanhistory/cleanup") == {"cleanuprange": 168}


@pytest.mark.parametrize("value", ["lax", 3, -1, None, True])
def test_samesite_is_checked(center: Center, value: object):
    assert center.status("PUT", "/admin/config/sessioncookie", {"samesite": value}) == 400


def test_file_storage_setting(center: Center):
    assert center.ok("GET", SETTING) == {
        "max_replica": 1,
        "min_replica": 1,
        "cleanuprange": 0,
        "storage": {"type": "none", "config": {}},
    }
    assert center.ok("PUT", SETTING, {"max_replica": 3, "min_replica": 2}) == {"msg": "Setting updated"}
    center.ok("PUT", SETTING, {"storage": {"type": "salt", "config": {"key": "v"}}})
    found = center.ok("GET", SETTING)
    assert (found["max_replica"], found["min_replica"]) == (3, 2)
    assert found["storage"] == {"type": "salt", "config": {"key": "v"}}


@pytest.mark.parametrize("body", [{"min_replica": 2}, {"max_replica": 0}, {"storage": {"type": "s3"}}, {}, {"x": 1}])
def test_file_storage_setting_is_checked(center: Center, body: dict[str, object]):
    assert center.status("PUT", SETTING, body) == 400


def test_only_the_file_storage_has_a_setting(center: Center):
    assert center.status("GET", "/admin/service/broker/setting") == 400
    assert center.status("PUT", "/admin/service/nothing/setting", {"max_replica": 1}) == 404


def test_services_are_shown_without_secrets(center: Center):
    results = center.ok("POST", "/admin/service", [BROKER, STORAGE])
    assert [result["result"] for result in results] == ["ok", "ok"]
    assert center.ok("GET", "/admin/service")[0] == {
        "service_id": results[0]["service_id"],
        "type": "broker",
        "display_name": "b",
        "status": "Connected",
        "config": {"host": "b.local", "port": 5672, "user": "u"},
    }
    assert [service["type"] for service in center.ok("GET", "/admin/service")] == ["broker", "filestorage"]


@pytest.mark.parametrize(
    "body",
    [
        {key: value for key, value in BROKER.items() if key != "password"},
        {key: value for key, value in STORAGE.items() if key != "connection_key"},
        {**BROKER, "host": "unreachable-1"},
    ],
)
def test_a_service_that_cant_be_reached_is_an_error_of_its_own(center: Center, body: dict[str, object]):
    bad, good = center.ok("POST", "/admin/service", [body, {**BROKER, "host": "other"}])
    assert (bad["result"], good["result"]) == ("error", "ok")
    assert bad["detail"]
    assert len(center.ok("GET", "/admin/service")) == 1


@pytest.mark.parametrize("extra", [{"type": "other"}, {"port": 0}, {"port": "1"}, {"host": ""}, {"x": 1}])
def test_service_bodies_are_checked(center: Center, extra: dict[str, object]):
    assert center.status("POST", "/admin/service", {**BROKER, **extra}) == 400
    assert center.status("POST", "/admin/service", []) == 400


def test_an_address_is_taken_once(center: Center):
    center.ok("POST", "/admin/service", BROKER)
    [result] = center.ok("POST", "/admin/service", {**BROKER, "display_name": "again"})
    assert result["result"] == "error"
    [result] = center.ok("POST", "/admin/service", {**BROKER, "port": 5673})
    assert result["result"] == "ok"
    assert center.status("PUT", f"/admin/service/{result['service_id']}", {"config": credentials(BROKER)}) == 400
    assert center.rules() == ["duplicate", "duplicate"]


def credentials(service: dict[str, Any]) -> dict[str, Any]:
    return {name: service[name] for name in ("host", "port", "user", "password") if name in service}


def test_a_service_is_edited_as_a_whole(center: Center):
    [result] = center.ok("POST", "/admin/service", BROKER)
    path = f"/admin/service/{result['service_id']}"
    whole = {**credentials(BROKER), "port": 1, "password": "new"}
    assert center.status("PUT", path, {"config": {"host": "h", "port": 1}}) == 400
    assert center.status("PUT", path, {}) == 400
    assert center.ok("PUT", path, {"display_name": "c", "config": whole})["config"]["port"] == 1
    [service] = center.ok("GET", "/_emulator/state")["services"]
    assert (service["display_name"], service["password"]) == ("c", hidden("new"))
    assert center.status("PUT", "/admin/service/nothing", {"display_name": "c"}) == 404


def test_a_service_is_removed_once(center: Center):
    [result] = center.ok("POST", "/admin/service", BROKER)
    path = f"/admin/service/{result['service_id']}"
    assert center.ok("DELETE", path) == {"service_id": result["service_id"]}
    assert center.status("DELETE", path) == 404
    assert center.status("PUT", path, {"display_name": "c"}) == 404
    assert center.rules() == ["deleted-twice", "deleted-twice"]


def test_status_by_type(center: Center):
    assert center.status("GET", "/admin/service/broker") == 404
    assert center.status("GET", "/admin/service/other") == 400
    center.ok("POST", "/admin/service", BROKER)
    found = center.ok("GET", "/admin/service/broker")
    assert (found["type"], found["status"], len(found["instances"])) == ("broker", "Connected", 1)
    center.ok("POST", "/_emulator/edit", {"collection": "services", "match": {}, "set": {"status": "Disconnected"}})
    assert center.ok("GET", "/admin/service/broker")["status"] == "Disconnected"


@pytest.mark.parametrize("status", ["Deploying", "Deployed", "Upgrading", "Undeploying"])
def test_services_are_frozen_while_instances_are_deployed(deployed: Center, status: str):
    change = {"collection": "workers", "match": {"display_name": "worker-1"}, "set": {"status": status}}
    deployed.ok("POST", "/_emulator/edit", change)
    [service] = deployed.ok("GET", "/admin/service/broker")["instances"]
    path = f"/admin/service/{service['service_id']}"
    config = {**service["config"], "port": 1, "password": "broker-password"}
    refused = [deployed.ask("PUT", path, {"config": config}), deployed.ask("DELETE", path)]
    assert [response.status_code for response in refused] == [400, 400]
    assert [response.json()["err"] for response in refused] == [MODIFIED, DELETED]
    assert deployed.rules() == ["service-frozen", "service-frozen"]


@pytest.mark.parametrize("status", ["Available", "Failed", "Disconnected"])
def test_services_thaw_afterwards(deployed: Center, status: str):
    change = {"collection": "workers", "match": {"display_name": "worker-1"}, "set": {"status": status}}
    deployed.ok("POST", "/_emulator/edit", change)
    [service] = deployed.ok("GET", "/admin/service/broker")["instances"]
    assert deployed.status("DELETE", f"/admin/service/{service['service_id']}") == 200
    assert deployed.rules() == []


WORKER = {"display_name": "w", "host": "w.local", "port": 8893, "connection_key": "key"}


def test_workers_are_judged_one_by_one(center: Center):
    items = [WORKER, WORKER, {**WORKER, "host": "unreachable"}, {**WORKER, "port": 1}]
    results = center.ok("POST", "/admin/worker", items)
    assert [result["result"] for result in results] == ["ok", "failed", "failed", "ok"]
    assert results[2]["error"] == "Connection refused"
    assert {key: results[0][key] for key in ("display_name", "host", "port")} == {
        "display_name": "w",
        "host": "w.local",
        "port": 8893,
    }
    assert [worker["worker_id"] for worker in center.ok("GET", "/admin/worker")] == [
        results[0]["worker_id"],
        results[3]["worker_id"],
    ]
    assert center.rules() == ["duplicate"]


@pytest.mark.parametrize(
    "body", [[], {}, [{"host": "h", "port": 1}], [{**WORKER, "port": 8893.5}], [{**WORKER, "x": 1}]]
)
def test_worker_bodies_are_checked(center: Center, body: object):
    assert center.status("POST", "/admin/worker", body) == 400


def test_empty_lists_are_noticed(center: Center):
    assert center.status("DELETE", "/admin/worker", []) == 400
    assert center.rules() == ["empty-list"]


def test_disconnect(deployed: Center):
    busy, free = (deployed.workers()[name]["worker_id"] for name in ("worker-1", "worker-2"))
    answer = deployed.ok("DELETE", "/admin/worker", [free, busy, "nothing"])
    assert list(answer) == [free, busy, "nothing"]
    assert answer[free] == "Deleted"
    assert "Deleted" not in (answer[busy], answer["nothing"])
    assert list(deployed.workers()) == ["worker-1"]
    deployed.ok("DELETE", "/admin/worker", [free])
    assert deployed.rules() == ["undeploy-before-disconnect", "unknown-id", "deleted-twice"]


def test_available_workers(deployed: Center):
    installer = deployed.upload(content=b"other")
    available = deployed.ok("GET", f"/admin/worker/available/{installer}")
    assert [worker["display_name"] for worker in available] == ["worker-2"]
    assert deployed.status("GET", "/admin/worker/available/nothing") == 404


def test_upload(center: Center):
    content = b"0123456789" * 100_000
    identity = center.upload(content=content)
    found = center.ok("GET", "/admin/installer")
    assert list(found) == [identity]
    assert found[identity].pop("upload_timestamp") > 1_600_000_000_000
    assert found[identity] == {
        "checksum": hashlib.sha256(content).hexdigest(),
        "name": NAME,
        "platform": "msi",
        "size": len(content),
        "type": "ometascan",
        "upload_by": "admin",
        "version": "5.15.0",
    }
    assert [path.name for path in center.world.spool.iterdir()] == [identity]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ometascan-5.15.0-1-x64.msi", ("ometascan", "5.15.0", "msi")),
        ("ometascan-5.15.0-1.x86_64.rpm", ("ometascan", "5.15.0", "rpm")),
        ("ometascan_5.15.0-1_amd64.deb", ("ometascan", "5.15.0", "deb")),
        ("api-gateway-2.5.0-1-x64.msi", ("api-gateway", "2.5.0", "msi")),
        ("api-gateway-2.5.0.rpm", ("api-gateway", "2.5.0", "rpm")),
        ("callback-service_2.5_amd64.deb", ("callback-service", "2.5", "deb")),
    ],
)
def test_file_names(name: str, expected: tuple[str, str, str]):
    found = parsed(name)
    assert (found["type"], found["version"], found["platform"]) == expected


@pytest.mark.parametrize(
    "name", ["", "x.msi", "ometascan.msi", "../ometascan-5.15.0.msi", "ometascan-5.15.0.zip", "-1.0.msi"]
)
def test_other_file_names_are_refused(center: Center, name: str):
    response = center.ask("POST", "/admin/installer", content=b"x", headers={"filename": name})
    assert response.status_code == 400
    assert list(center.world.spool.iterdir()) == []


def test_an_upload_needs_a_name_and_content(center: Center):
    assert center.status("POST", "/admin/installer", content=b"x") == 400
    assert center.status("POST", "/admin/installer", headers={"filename": NAME}) == 400
    assert list(center.world.spool.iterdir()) == []


def test_the_same_installer_is_taken_once(center: Center):
    center.upload()
    again = center.ask("POST", "/admin/installer", content=b"installer", headers={"filename": NAME})
    assert again.status_code == 400
    assert center.rules() == ["duplicate"]
    assert len(list(center.world.spool.iterdir())) == 1


def test_an_installer_is_deleted_unless_it_is_in_use(deployed: Center):
    [used] = deployed.ok("GET", "/admin/installer")
    spare = deployed.upload(content=b"other")
    assert deployed.status("DELETE", f"/admin/installer/{used}") == 400
    assert "message" in deployed.ok("DELETE", f"/admin/installer/{spare}")
    assert deployed.status("DELETE", f"/admin/installer/{spare}") == 404
    assert list(deployed.ok("GET", "/admin/installer")) == [used]
    assert list(deployed.world.spool.iterdir()) == []
    assert deployed.rules() == ["installer-in-use", "deleted-twice"]
