"""Deploying, undeploying and upgrading: what is asynchronous, and the order that it wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.emulator.center import NEWER, Center


def ids(center: Center) -> list[str]:
    return [str(worker["worker_id"]) for worker in center.workers().values()]


def statuses(center: Center) -> list[str]:
    return [str(worker["status"]) for worker in center.workers().values()]


def versions(center: Center) -> list[str | None]:
    return [worker.get("version") for worker in center.workers().values()]


def connect(center: Center, host: str) -> str:
    body = [{"display_name": host, "host": host, "port": 8893, "connection_key": "k"}]
    return str(center.ok("POST", "/admin/worker", body)[0]["worker_id"])


def test_a_deployment_takes_its_time(furnished: Center):
    first, second = ids(furnished)
    installer = furnished.upload()
    assert furnished.deploy([first], installer) == {first: "Deploying"}
    assert statuses(furnished) == ["Deploying", "Available"]
    furnished.world.clock.advance(9.9)
    assert statuses(furnished) == ["Deploying", "Available"]
    furnished.world.clock.advance(0.2)
    assert statuses(furnished) == ["Deployed", "Available"]
    assert furnished.deploy([second, second], installer) == {second: "Deploying"}
    assert furnished.rules() == []


def test_the_entry_says_what_is_deployed(furnished: Center):
    worker = ids(furnished)[0]
    installer = furnished.upload()
    furnished.deploy([worker], installer, license_id="licence", config={"log_level": "debug"})
    furnished.world.clock.advance(10)
    assert furnished.workers()["worker-1"] == {
        "worker_id": worker,
        "display_name": "worker-1",
        "host": "worker-1.local",
        "port": 8893,
        "status": "Deployed",
        "type": "ometascan",
        "version": "5.15.0",
        "installer_id": installer,
        "license_id": "licence",
        "config": {"log_level": "debug", "connection_per_file_service": 4},
    }


def test_undeploying_leaves_nothing(deployed: Center):
    worker = ids(deployed)[0]
    assert deployed.ok("DELETE", "/admin/worker/deploy", [worker]) == {worker: "Undeploying"}
    assert deployed.workers()["worker-1"]["status"] == "Undeploying"
    assert deployed.workers()["worker-1"]["version"] == "5.15.0"
    deployed.world.clock.advance(10)
    assert set(deployed.workers()["worker-1"]) == {"worker_id", "display_name", "host", "port", "status"}
    assert statuses(deployed) == ["Available", "Available"]


def test_a_failing_host_fails(furnished: Center):
    worker = connect(furnished, "failing-1")
    furnished.deploy([worker], furnished.upload())
    furnished.world.clock.advance(10)
    assert furnished.workers()["failing-1"]["status"] == "Failed"
    assert furnished.deploy([worker], next(iter(furnished.ok("GET", "/admin/installer"))))[worker] != "Deploying"
    assert furnished.ok("DELETE", "/admin/worker/deploy", [worker]) == {worker: "Undeploying"}
    furnished.world.clock.advance(10)
    assert furnished.workers()["failing-1"]["status"] == "Available"


@pytest.mark.parametrize("missing", ["datalake", "warehouse", "caching", "broker", "filestorage"])
def test_services_come_before_a_deployment(furnished: Center, missing: str):
    installer = furnished.upload()
    furnished.ok("POST", "/_emulator/edit", {"collection": "services", "match": {"type": missing}, "delete": True})
    body = {"type": "ometascan", "installer_id": installer, "worker": ids(furnished)}
    response = furnished.ask("POST", "/admin/worker/deploy", body)
    assert response.status_code == 400
    assert missing in response.json()["err"]
    assert furnished.rules() == ["services-before-deploy"]
    assert statuses(furnished) == ["Available", "Available"]


def test_the_installer_comes_before_a_deployment(furnished: Center):
    body = {"type": "ometascan", "installer_id": "nothing", "worker": ids(furnished)}
    assert furnished.status("POST", "/admin/worker/deploy", body) == 400
    assert furnished.rules() == ["installer-before-deploy"]


def test_the_type_is_the_installers(furnished: Center):
    installer = furnished.upload("api-gateway-2.5.0-1-x64.msi")
    body = {"type": "ometascan", "installer_id": installer, "worker": ids(furnished)}
    assert furnished.status("POST", "/admin/worker/deploy", body) == 400
    assert furnished.status("POST", "/admin/worker/deploy", {**body, "type": "api-gateway"}) == 200


def test_each_worker_is_judged_on_its_own(deployed: Center):
    busy, free = ids(deployed)
    installer = next(iter(deployed.ok("GET", "/admin/installer")))
    answer = deployed.deploy([busy, free, "nothing"], installer)
    assert answer[free] == "Deploying"
    assert "Deploying" not in (answer[busy], answer["nothing"])
    answer = deployed.ok("DELETE", "/admin/worker/deploy", [busy, free, "nothing"])
    assert answer[busy] == "Undeploying"
    assert "Undeploying" not in (answer[free], answer["nothing"])
    assert deployed.rules() == ["worker-not-available", "worker-before-deploy", "nothing-to-undeploy", "unknown-id"]


@pytest.mark.parametrize(
    "extra",
    [
        {"worker": []},
        {"worker": "x"},
        {"config": {"log_level": "loud"}},
        {"config": {"connection_per_file_service": 0}},
        {"config": {"other": 1}},
        {"license_id": 5},
        {"more": 1},
    ],
)
def test_deployments_are_checked(deployed: Center, extra: Mapping[str, Any]):
    installer = next(iter(deployed.ok("GET", "/admin/installer")))
    body = {"type": "ometascan", "installer_id": installer, "worker": ids(deployed)[1:], **extra}
    assert deployed.status("POST", "/admin/worker/deploy", body) == 400
    assert statuses(deployed)[1] == "Available"


def upgrade(center: Center, version: str, kind: str = "ometascan") -> int:
    return center.status("POST", "/admin/worker/upgrade", {"type": kind, "version": version})


def both_deployed(center: Center) -> None:
    center.deploy(ids(center)[1:], next(iter(center.ok("GET", "/admin/installer"))))
    center.world.clock.advance(10)


def test_an_upgrade_goes_over_all_instances_one_by_one(deployed: Center):
    both_deployed(deployed)
    installer = deployed.upload(NEWER, b"newer")
    assert upgrade(deployed, "5.16.0") == 200
    seen = []
    for _ in range(3):
        seen.append((statuses(deployed), versions(deployed)))
        deployed.world.clock.advance(10)
    assert seen == [
        (["Upgrading", "Deployed"], ["5.15.0", "5.15.0"]),
        (["Deployed", "Upgrading"], ["5.16.0", "5.15.0"]),
        (["Deployed", "Deployed"], ["5.16.0", "5.16.0"]),
    ]
    assert {worker["installer_id"] for worker in deployed.workers().values()} == {installer}
    assert deployed.rules() == []


def test_upgrades_that_cant_be(deployed: Center):
    deployed.upload("ometascan-5.9.0-1-x64.msi", b"older")
    deployed.upload("api-gateway-9.0.0-1-x64.msi", b"gateway")
    assert [upgrade(deployed, version) for version in ("5.16.0", "5.15.0", "5.9.0")] == [400, 400, 400]
    assert upgrade(deployed, "9.0.0", "api-gateway") == 400
    assert deployed.rules() == ["installer-before-upgrade", *["nothing-to-upgrade"] * 3]
    assert versions(deployed) == ["5.15.0", None]


def test_one_upgrade_at_a_time(deployed: Center):
    both_deployed(deployed)
    deployed.upload(NEWER, b"newer")
    deployed.upload("ometascan-5.17.0-1-x64.msi", b"newest")
    assert upgrade(deployed, "5.16.0") == 200
    deployed.world.clock.advance(10)
    assert upgrade(deployed, "5.17.0") == 400
    assert deployed.rules() == ["upgrade-under-way"]
    deployed.world.clock.advance(10)
    assert upgrade(deployed, "5.17.0") == 200


def test_an_instance_that_is_undeployed_meanwhile_isnt_upgraded(deployed: Center):
    both_deployed(deployed)
    deployed.upload(NEWER, b"newer")
    upgrade(deployed, "5.16.0")
    waiting = ids(deployed)[1]
    deployed.ok("DELETE", "/admin/worker/deploy", [waiting])
    deployed.world.clock.advance(30)
    assert (statuses(deployed), versions(deployed)) == (["Deployed", "Available"], ["5.16.0", None])


def test_upgradable_versions(deployed: Center):
    path = "/admin/worker/upgrade/version"
    assert deployed.ok("GET", path) == {"ometascan": [], "api-gateway": []}
    for version in ("5.16.0", "5.9.0", "5.15.10"):
        deployed.upload(f"ometascan-{version}-1-x64.msi", version.encode())
    deployed.upload("api-gateway-2.5.0-1-x64.msi", b"gateway")
    assert deployed.ok("GET", path) == {"ometascan": ["5.15.10", "5.16.0"], "api-gateway": []}


def test_a_humans_edit_voids_what_was_planned(furnished: Center):
    worker = ids(furnished)[0]
    furnished.deploy([worker], furnished.upload())
    change = {"status": "Available", "instance": None}
    furnished.ok("POST", "/_emulator/edit", {"collection": "workers", "match": {"worker_id": worker}, "set": change})
    furnished.world.clock.advance(20)
    assert statuses(furnished) == ["Available", "Available"]
