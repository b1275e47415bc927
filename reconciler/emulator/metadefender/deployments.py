"""Deploying, undeploying and upgrading instances. All of it is asynchronous: the answer only says that it began.

A worker goes Available → Deploying → Deployed → Undeploying → Available, and Deployed → Upgrading → Deployed. On a
host whose name starts with "failing", a deployment or an upgrade ends in Failed, which only undeploying leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.services import TYPES
from reconciler.emulator.metadefender.state import State
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.refusal import Refusal

UPGRADABLE = ("ometascan", "api-gateway")
FAILING = "failing"


def version_key(version: str) -> tuple[int, ...]:
    """What versions are compared by."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def instance_of(installer: Record, order: Mapping[str, Any]) -> Record:
    """What a worker's entry says once this installer is deployed by an order with these license_id and config."""
    config = {"log_level": "info", "connection_per_file_service": 4} if installer["type"] == "ometascan" else {}
    return {
        "type": installer["type"],
        "version": installer["version"],
        "installer_id": installer["installer_id"],
        "license_id": order.get("license_id", ""),
        "config": {**config, **order.get("config", {})},
    }


def deploy_workers(call: Call) -> dict[str, str]:
    """POST /admin/worker/deploy {type, installer_id, worker, license_id, config} → a map of worker_id to "Deploying"
    or an error text."""
    missing = [kind for kind in TYPES if not call.state.services.has("type", kind)]
    if missing:
        raise Refusal(400, f"Essential services missing: {', '.join(missing)}", "services-before-deploy")
    installer = call.state.installers.get(call.body["installer_id"])
    if installer is None:
        raise Refusal(400, "Installer doesn't exist", "installer-before-deploy")
    if installer["type"] != call.body["type"]:
        raise Refusal(400, f"The installer is for {installer['type']}")
    instance = instance_of(installer, call.body)
    return {identity: _deploy(call, identity, instance) for identity in dict.fromkeys(call.body["worker"])}


def _deploy(call: Call, identity: str, instance: Record) -> str:
    worker = call.state.workers.get(identity)
    if worker is None:
        call.violate("worker-before-deploy", f"worker {identity}")
        return "Worker doesn't exist"
    if worker["status"] != "Available":
        call.violate("worker-not-available", f"worker {identity} is {worker['status']}")
        return f"Worker isn't available: {worker['status']}"
    turn = _order(call.state, worker, status="Deploying", instance=instance)
    due = call.world.clock.now() + call.world.timings.deploy_seconds
    call.state.plan(due, identity, turn, {"status": _outcome(worker)})
    return "Deploying"


def undeploy_workers(call: Call) -> dict[str, str]:
    """DELETE /admin/worker/deploy [worker_id] → a map of worker_id to "Undeploying" or an error text."""
    return {identity: _undeploy(call, identity) for identity in dict.fromkeys(call.body)}


def _undeploy(call: Call, identity: str) -> str:
    worker = call.state.workers.get(identity)
    if worker is None:
        call.violate("unknown-id", f"worker {identity}")
        return "Worker doesn't exist"
    if worker["status"] not in ("Deployed", "Failed"):
        call.violate("nothing-to-undeploy", f"worker {identity} is {worker['status']}")
        return f"Nothing can be undeployed: {worker['status']}"
    turn = _order(call.state, worker, status="Undeploying")
    due = call.world.clock.now() + call.world.timings.undeploy_seconds
    call.state.plan(due, identity, turn, {"status": "Available", "instance": None})
    return "Undeploying"


def upgrade_workers(call: Call) -> dict[str, str]:
    """POST /admin/worker/upgrade {type, version} → {result}. Every older instance of the type is upgraded, one after
    the other."""
    kind, version = call.body["type"], call.body["version"]
    instances = call.state.workers.tagged("type", kind)
    if any(worker["status"] == "Upgrading" or _waits(call.state, worker) for worker in instances):
        raise Refusal(400, "An upgrade is under way", "upgrade-under-way")
    installer = next((one for one in call.state.installers.tagged("type", kind) if one["version"] == version), None)
    if installer is None:
        raise Refusal(400, f"No installer of {kind} {version}", "installer-before-upgrade")
    running = [worker for worker in instances if worker["status"] == "Deployed"]
    older = [one for one in running if version_key(one["instance"]["version"]) < version_key(version)]
    if not older:
        raise Refusal(400, f"No instance of {kind} is older than {version}", "nothing-to-upgrade")
    for place, worker in enumerate(older):
        _schedule_upgrade(call, worker, installer, place)
    return {"result": "Upgrading"}


def _schedule_upgrade(call: Call, worker: Record, installer: Record, place: int) -> None:
    seconds = call.world.timings.upgrade_seconds
    start = call.world.clock.now() + place * seconds
    turn = _order(call.state, worker)
    instance = {**worker["instance"], "version": installer["version"], "installer_id": installer["installer_id"]}
    call.state.plan(start, worker["worker_id"], turn, {"status": "Upgrading"})
    done = {"status": _outcome(worker), "instance": instance}
    call.state.plan(start + seconds, worker["worker_id"], turn, done)


def list_upgradable_versions(call: Call) -> dict[str, list[str]]:
    """GET /admin/worker/upgrade/version → by type, the versions of installers above the lowest deployed one."""
    return {kind: _upgradable(call.state, kind) for kind in UPGRADABLE}


def _upgradable(state: State, kind: str) -> list[str]:
    deployed = [version_key(worker["instance"]["version"]) for worker in state.workers.tagged("type", kind)]
    offered = {installer["version"] for installer in state.installers.tagged("type", kind)}
    return sorted((one for one in offered if deployed and version_key(one) > min(deployed)), key=version_key)


def _order(state: State, worker: Record, **changes: Any) -> int:
    turn: int = worker["turn"] + 1
    state.workers.change(worker["worker_id"], turn=turn, **changes)
    return turn


def _waits(state: State, worker: Record) -> bool:
    plans = (identity == worker["worker_id"] and turn == worker["turn"] for _, _, identity, turn, _ in state.schedule)
    return worker["status"] == "Deployed" and any(plans)


def _outcome(worker: Record) -> str:
    return "Failed" if worker["host"].startswith(FAILING) else "Deployed"
