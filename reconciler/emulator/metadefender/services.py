"""The essential services, and the settings of the file storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.collection import Record
from reconciler.emulator.metadefender.state import State, hidden
from reconciler.emulator.metadefender.world import Call
from reconciler.emulator.refusal import Refusal

TYPES = ("datalake", "warehouse", "caching", "broker", "filestorage")
SECRETS = ("password", "connection_key")
FROZEN = "Service configuration cannot be {} after instances have been deployed."
UNREACHABLE = "unreachable"


def required(service_type: str) -> tuple[str, ...]:
    """The credentials without which a service of this type can't be reached. A cache may have none."""
    if service_type == "filestorage":
        return ("connection_key",)
    return () if service_type == "caching" else ("user", "password")


def add_service(state: State, fields: Mapping[str, Any]) -> Record:
    """Connect a service of the fields of a flat POST body, unchecked."""
    record = {
        "service_id": state.next_id("services"),
        "type": fields["type"],
        "display_name": fields.get("display_name", ""),
        "status": "Connected",
        **_stored(fields),
    }
    return state.services.add(record)


def connect_service(call: Call) -> list[dict[str, str]]:
    """POST /admin/service, a flat service or a list of them → a list of {result: ok, service_id} or {result: error,
    detail}."""
    items = call.body if isinstance(call.body, list) else [call.body]
    return [_connect(call, item) for item in items]


def _connect(call: Call, item: Mapping[str, Any]) -> dict[str, str]:
    missing = [name for name in required(item["type"]) if not item.get(name)]
    if missing:
        return {"result": "error", "detail": f"{' and '.join(missing)} of the {item['type']} service missing"}
    if call.state.services.has("address", item["host"], item["port"]):
        call.violate("duplicate", f"a second service at {item['host']}:{item['port']}")
        return {"result": "error", "detail": "Service is connected already"}
    if item["host"].startswith(UNREACHABLE):
        return {"result": "error", "detail": "Connection refused"}
    taken = call.options.service_display_name == "taken"
    service = add_service(call.state, item if taken else {**item, "display_name": ""})
    return {"result": "ok", "service_id": service["service_id"]}


def list_services(call: Call) -> list[Record]:
    """GET /admin/service → every service, without secrets."""
    return [view(service) for service in call.state.services]


def get_service_by_type(call: Call) -> Record:
    """GET /admin/service/{service_type} → {type, status, instances}; 404 while none is connected."""
    service_type = call.params["service"]
    if service_type not in TYPES:
        raise Refusal(400, f"A service type is one of {', '.join(TYPES)}")
    found = call.state.services.tagged("type", service_type)
    if not found:
        raise Refusal(404, f"No {service_type} service is connected")
    states = {service["status"] for service in found}
    status = "Connected" if states == {"Connected"} else (states - {"Connected"}).pop()
    return {"type": service_type, "status": status, "instances": [view(service) for service in found]}


def edit_service(call: Call) -> Record:
    """PUT /admin/service/{service_id} {display_name, config}; config is whole, with its secrets → the service."""
    service = _known(call)
    changes = _changes(service, call.body)
    renamed_only = not changes or set(changes) == {"display_name"}
    allowed = renamed_only and call.options.service_rename_frozen == "allowed"
    if call.state.workers.has("busy") and not allowed:
        raise Refusal(400, FROZEN.format("modified"), "service-frozen")
    _check_address(call, changes, service)
    return view(call.state.services.change(service["service_id"], **changes))


def remove_service(call: Call) -> dict[str, str]:
    """DELETE /admin/service/{service_id} → {service_id}."""
    service = _known(call)
    if call.state.workers.has("busy"):
        raise Refusal(400, FROZEN.format("deleted"), "service-frozen")
    call.state.forget("services", service["service_id"])
    return {"service_id": service["service_id"]}


def put_service_setting(call: Call) -> dict[str, str]:
    """PUT /admin/service/filestorage/setting with some of its fields → {msg}."""
    setting = {**get_service_setting(call), **call.body}
    if setting["min_replica"] > setting["max_replica"]:
        raise Refusal(400, "min_replica is above max_replica")
    call.state.settings["servicesetting"] = setting
    return {"msg": "Setting updated"}


def get_service_setting(call: Call) -> Record:
    """GET /admin/service/filestorage/setting → {max_replica, min_replica, cleanuprange, storage}."""
    service_type = call.params["service_type"]
    if service_type not in TYPES:
        raise Refusal(404, f"There is no service type {service_type}")
    if service_type != "filestorage":
        raise Refusal(400, "Only the filestorage service has settings")
    return call.state.settings["servicesetting"]


def view(service: Record) -> Record:
    """A service as the API shows it."""
    config = {name: service[name] for name in ("host", "port", "user") if name in service}
    return {name: service[name] for name in ("service_id", "type", "display_name", "status")} | {"config": config}


def _stored(config: Mapping[str, Any]) -> Record:
    plain = {name: config[name] for name in ("host", "port", "user") if name in config}
    return plain | {name: hidden(config[name]) for name in SECRETS if name in config}


def _known(call: Call) -> Record:
    identity = call.params["service"]
    service = call.state.services.get(identity)
    if service is None:
        rule = "deleted-twice" if call.state.was_deleted("services", identity) else "unknown-id"
        raise Refusal(404, f"Service {identity} doesn't exist", rule)
    return service


def _changes(service: Record, body: Mapping[str, Any]) -> Record:
    config = body.get("config")
    wanted = {"display_name": body["display_name"]} if "display_name" in body else {}
    if config is not None:
        missing = [name for name in required(service["type"]) if not config.get(name)]
        if missing:
            raise Refusal(400, f"config.{missing[0]} is required")
        wanted |= _stored(config)
    return {name: value for name, value in wanted.items() if service.get(name) != value}


def _check_address(call: Call, changes: Mapping[str, Any], service: Record) -> None:
    host, port = (changes.get(name, service[name]) for name in ("host", "port"))
    others = [other for other in call.state.services.tagged("address", host, port) if other is not service]
    if others:
        raise Refusal(400, f"Another service is at {host}:{port}", "duplicate")
    if "host" in changes and host.startswith(UNREACHABLE):
        raise Refusal(400, "Connection refused")
