"""Workers: connecting, listing and disconnecting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from reconciler.emulator.collection import Listing, Record
from reconciler.emulator.metadefender.options import Options
from reconciler.emulator.metadefender.services import UNREACHABLE
from reconciler.emulator.metadefender.state import BUSY, State, hidden
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.refusal import Refusal


def add_worker(state: State, fields: Mapping[str, Any]) -> Record:
    """Connect a worker of the fields of an item of a POST body, unchecked. Its `instance` is what is deployed there;
    its `turn` changes with each order to it, so that older plans for it are void."""
    record = {
        "worker_id": state.next_id("workers"),
        "display_name": fields.get("display_name", ""),
        "host": fields["host"],
        "port": fields["port"],
        "connection_key": hidden(fields.get("connection_key", "")),
        "status": "Available",
        "instance": None,
        "turn": 0,
    }
    return state.workers.add(record)


def connect_workers(call: Call) -> list[Record]:
    """POST /admin/worker [{display_name, host, port, connection_key}] → a list of {display_name, host, port, result,
    worker_id or error}."""
    return [_connect(call, item) for item in call.body]


def _connect(call: Call, item: Mapping[str, Any]) -> Record:
    shown = {"display_name": item.get("display_name", ""), "host": item["host"], "port": item["port"]}
    if call.state.workers.has("address", item["host"], item["port"]):
        call.violate("duplicate", f"a second worker at {item['host']}:{item['port']}")
        return {**shown, "result": "failed", "error": "Worker is connected already"}
    if item["host"].startswith(UNREACHABLE):
        return {**shown, "result": "failed", "error": "Connection refused"}
    return {**shown, "result": "ok", "worker_id": add_worker(call.state, item)["worker_id"]}


def list_workers(call: Call) -> bytes:
    """GET /admin/worker → every worker, in the shape of the option worker_list."""
    options = call.options
    shape = options.worker_list
    listing = call.world.listings.setdefault("workers", Listing(call.state.workers, lambda worker: worker))
    listing.render = lambda worker: view(worker, options, shape)
    text = listing.text(options, by_id=shape == "map")
    return b'{"workers":' + text + b"}" if shape == "wrapped" else text


def list_available_workers(call: Call) -> bytes:
    """GET /admin/worker/available/{installer_id} → the workers without an instance, as option available_list says."""
    if call.state.installers.get(call.params["installer_id"]) is None:
        raise Refusal(404, "Installer doesn't exist", "unknown-id")
    shape = call.options.available_list
    workers = call.state.workers.tagged("status", "Available")
    shown = [view(worker, call.options, shape) for worker in workers]
    if shape == "map":
        return orjson.dumps({worker["worker_id"]: entry for worker, entry in zip(workers, shown, strict=True)})
    return orjson.dumps({"workers": shown} if shape == "wrapped" else shown)


def view(worker: Record, options: Options, shape: str) -> Record:
    """A worker as the API shows it; in a map its id is the key alone."""
    identity = {} if shape == "map" else {options.worker_id_field: worker["worker_id"]}
    status = options.status_words if worker["status"] == "Deployed" else worker["status"]
    fields = {name: worker[name] for name in ("display_name", "host", "port")}
    return {**identity, **fields, "status": status, **(worker["instance"] or {})}


def disconnect_workers(call: Call) -> dict[str, str]:
    """DELETE /admin/worker [worker_id] → a map of worker_id to "Deleted" or an error text."""
    return {identity: _disconnect(call, identity) for identity in dict.fromkeys(call.body)}


def _disconnect(call: Call, identity: str) -> str:
    worker = call.state.workers.get(identity)
    if worker is None:
        rule = "deleted-twice" if call.state.was_deleted("workers", identity) else "unknown-id"
        call.violate(rule, f"worker {identity}")
        return "Worker doesn't exist"
    if worker["status"] in BUSY:
        call.violate("undeploy-before-disconnect", f"worker {identity} is {worker['status']}")
        return "An instance is deployed on the worker"
    call.state.forget("workers", identity)
    return "Deleted"
