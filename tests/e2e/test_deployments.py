"""Instances: where they are deployed, taken away, upgraded, deployed anew, and what waits for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.kit import Desk, document, secret, worker

MakeDesk = Callable[..., Desk]
OLDER, NEWER = "ometascan-5.14.0-1-x64.msi", "ometascan-5.16.0-1-x64.msi"


def give_installer(desk: Desk, file: str) -> None:
    """Another version in the place of the example's."""
    (desk.tree / "installers" / file).write_bytes(file.encode())
    desk.edit("cores.yaml", "ometascan-5.15.0-1-x64.msi", file)


def bodies(desk: Desk, operation: str) -> list[object]:
    """What was sent with each request of that operation."""
    return [one["body"] for one in desk.center.requests() if one["operationId"] == operation]


def id_of(desk: Desk, name: str) -> str:
    return str(desk.center.named("workers", name)["worker_id"])


def test_a_worker_more(converged: Desk):
    converged.edit("cores.yaml", "[worker-1, worker-2]", "[worker-1, worker-2, worker-3]")
    report = converged.converges()
    assert [*report.steps] == ["create/Deployment/cores/worker-3"]
    assert converged.center.writes() == ["deployWorkers"]
    assert converged.center.instances() == dict.fromkeys(("worker-1", "worker-2", "worker-3"), "5.15.0")


def test_a_worker_less(converged: Desk):
    """No --prune: the Deployment's document itself says so."""
    converged.edit("cores.yaml", "[worker-1, worker-2]", "[worker-1]")
    plan = converged.plan().ended(0)
    assert [*plan.steps] == ["delete/Deployment/ometascan/worker-2"]
    gone = id_of(converged, "worker-2")
    converged.converges()
    assert bodies(converged, "undeployWorkers") == [[gone]]
    assert converged.center.instances() == {"worker-1": "5.15.0"}


def test_a_newer_version_is_one_upgrade_for_the_type(converged: Desk):
    give_installer(converged, NEWER)
    plan = converged.plan().ended(0)
    assert [*plan.steps] == ["create/Installer/core-5.15", "upgrade/Deployment/ometascan"]
    assert "all 2 instances" in plan.steps["upgrade/Deployment/ometascan"]["reason"]
    converged.converges()
    assert bodies(converged, "upgradeWorkers") == [{"type": "ometascan", "version": "5.16.0"}]
    assert converged.center.instances() == {"worker-1": "5.16.0", "worker-2": "5.16.0"}


CHANGES = {
    "config": ("log_level: info", "log_level: debug"),
    "license": ("LIC-2026-0001", "LIC-2026-0002"),
}


@pytest.mark.ci
@pytest.mark.parametrize(("old", "new"), [*CHANGES.values()], ids=[*CHANGES])
def test_what_cant_be_changed_while_it_runs_is_deployed_anew(converged: Desk, old: str, new: str):
    converged.edit("cores.yaml", old, new)
    blocked = converged.apply().ended(3)
    assert set(blocked.rules.values()) == {"redeploy-not-allowed"}
    assert converged.center.writes() == []
    converged.converges("--allow", "redeploy")
    assert converged.center.writes() == ["undeployWorkers", "deployWorkers"]
    assert converged.center.instances() == {"worker-1": "5.15.0", "worker-2": "5.15.0"}


@pytest.mark.ci
def test_a_lower_version_is_deployed_anew(converged: Desk):
    give_installer(converged, OLDER)
    assert set(converged.plan().ended(3).rules.values()) == {"redeploy-not-allowed"}
    converged.converges("--allow", "redeploy")
    assert "upgradeWorkers" not in converged.center.writes()
    assert converged.center.instances() == {"worker-1": "5.14.0", "worker-2": "5.14.0"}


def failing(desk: Desk) -> None:
    """The example with a worker on which every deployment fails."""
    desk.give_example()
    desk.edit("workers.yaml", "worker-2.internal", "failing-2.internal")


def test_a_deployment_that_fails(make: MakeDesk):
    desk = make()
    failing(desk)
    report = desk.apply().ended(1)
    statuses = report.statuses
    assert statuses.pop("create/Deployment/cores/worker-2") == "failed"
    assert set(statuses.values()) == {"done"}
    assert "failed" in report.steps["create/Deployment/cores/worker-2"]["error"]
    assert desk.center.instances() == {"worker-1": "5.15.0"}


@pytest.mark.ci
def test_a_failed_deployment_is_told_and_not_begun_again(make: MakeDesk):
    desk = make()
    failing(desk)
    desk.apply().ended(1)
    before = desk.center.last()
    again = desk.apply()
    assert desk.center.writes(before) == []
    assert any("the Control Center's log says why" in warning for warning in again.json()["warnings"])


def test_what_isnt_settled_in_time(make: MakeDesk):
    desk = make(deploy_seconds=3600)
    desk.give_example()
    report = desk.apply("--timeout", "0.3").ended(4)
    assert report.json()["outcome"] == "progressing"
    assert report.statuses["create/Deployment/cores/worker-1"] == "progressing"
    assert "deploying" in report.steps["create/Deployment/cores/worker-1"]["error"].lower()
    assert desk.status().ended(0).json()["last"]["outcome"] == "progressing"
    before = desk.center.last()
    desk.apply("--timeout", "0.3")
    assert desk.center.writes(before) == []
    desk.center.advance(7200)
    desk.converges()
    assert desk.center.writes(before) == []
    assert "Deployment/cores/worker-1" in desk.owned()


def test_a_frozen_service(converged: Desk):
    converged.edit("services.yaml", "redis.internal", "redis-2.internal")
    blocked = converged.apply().ended(3)
    assert blocked.rules == {"update/Service/cache": "service-frozen-after-deploy"}
    assert blocked.json()["outcome"] == "blocked"
    assert converged.center.writes() == []


def test_a_frozen_service_is_edited_between_undeploying_and_deploying(converged: Desk):
    converged.edit("services.yaml", "redis.internal", "redis-2.internal")
    plan = converged.plan("--allow", "redeploy").ended(0)
    assert plan.json()["summary"]["redeploy"] == 2
    assert all(step["disruptive"] for id, step in plan.steps.items() if id.startswith("redeploy/"))
    converged.converges("--allow", "redeploy")
    assert converged.center.writes() == ["undeployWorkers", "editService", "deployWorkers"]
    assert converged.center.named("services", "cache")["host"] == "redis-2.internal"


@pytest.mark.ci
def test_a_stranger_isnt_undeployed_to_thaw_a_service(make: MakeDesk):
    desk = make("deployed")
    desk.write(document("Service", "caching", type="caching", host="new.local", port=6379, user="caching",
                        password=secret("cache-password")))  # fmt: skip
    assert set(desk.apply("--allow", "redeploy").ended(3).rules.values()) == {"service-frozen-after-deploy"}
    assert desk.center.writes() == []


@pytest.mark.ci
def test_undeployed_before_it_is_disconnected(converged: Desk):
    converged.edit("cores.yaml", "[worker-1, worker-2]", "[worker-1]")
    converged.drop_document("workers.yaml", "worker-2")
    converged.converges("--prune")
    assert converged.center.writes() == ["undeployWorkers", "disconnectWorkers"]


@pytest.mark.ci
def test_everything_of_a_deployment_goes_in_order(converged: Desk):
    (converged.tree / "cores.yaml").unlink()
    (converged.tree / "workers.yaml").unlink()
    converged.converges("--prune", "--allow", "deletions=6")
    writes = [one for one in converged.center.writes() if one != "disconnectWorkers"]
    assert writes == ["undeployWorkers", "deleteInstaller"]
    assert converged.center.names("workers") == []  # no rule was broken, so each went after its instance


@pytest.mark.ci
def test_an_upgrade_over_a_stranger_is_blocked(converged: Desk):
    installer = converged.center.state()["installers"][0]
    instance = {"type": "ometascan", "version": "5.15.0", "installer_id": installer["installer_id"], "license_id": "",
                "config": {}}  # fmt: skip
    converged.center.edit("workers", {"display_name": "worker-3"}, set={"status": "Deployed", "instance": instance})
    give_installer(converged, NEWER)
    assert converged.plan().ended(3).rules["upgrade/Deployment/ometascan"] == "one-version-a-type"


@pytest.mark.ci
def test_an_installer_that_isnt_at_hand_blocks_only_its_own(make: MakeDesk):
    desk = make()
    desk.give_example()
    (desk.tree / "installers" / "ometascan-5.15.0-1-x64.msi").unlink()
    report = desk.apply().ended(3)
    assert report.rules["create/Installer/core-5.15"]
    assert desk.center.names("users") == ["admin", "alice", "bob", "system"]
    assert desk.center.instances() == {}


@pytest.mark.ci
def test_installers_from_a_folder_beside_the_tree(make: MakeDesk):
    desk = make()
    desk.give_example()
    (desk.tree / "installers").rename(desk.folder / "depot")
    (desk.folder / "depot" / "installers").mkdir()
    (desk.folder / "depot" / "ometascan-5.15.0-1-x64.msi").rename(
        desk.folder / "depot" / "installers" / "ometascan-5.15.0-1-x64.msi"
    )
    report = desk.apply(env={"RECONCILER_INSTALLERS": str(desk.folder / "depot")}).ended(0)
    assert report.statuses["create/Installer/core-5.15"] == "done"


@pytest.mark.ci
def test_deploy_on_a_live_worker_that_no_document_declares(make: MakeDesk):
    desk = make("services")
    desk.give_example()
    for file in ("services.yaml", "workers.yaml"):
        (desk.tree / file).unlink()
    desk.edit("cores.yaml", "[worker-1, worker-2]", "[worker-2]")
    desk.converges()
    assert desk.center.instances() == {"worker-2": "5.15.0"}


@pytest.mark.ci
def test_a_worker_that_moves(converged: Desk):
    """Another host is another worker: the old one goes only with --prune."""
    converged.edit("workers.yaml", "worker-3.internal", "worker-3b.internal")
    converged.converges("--prune")
    assert sorted(converged.center.writes()) == ["connectWorkers", "disconnectWorkers"]
    assert converged.center.named("workers", "worker-3")["host"] == "worker-3b.internal"


@pytest.mark.ci
def test_workers_are_connected_at_once(desk: Desk):
    desk.write(*(worker(f"w-{number}") for number in range(30)))
    desk.converges()
    assert desk.center.writes() == ["connectWorkers"]
