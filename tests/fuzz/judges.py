"""What a reply says, by a second reading of the reference that shares no code with the first.

A reply is believed when each object in it has an id that no other has, and what its natural key is made of.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

DEPENDENTS = {
    "listUsers": {"User", "Role"},
    "listUserDirectories": {"User", "Role"},
    "listRoles": {"Role", "User"},
    "getSession": {"Session"},
    "getSessionCookie": {"SessionCookie"},
    "getAuditlogCleanup": {"Cleanup"},
    "getFilestorageCleanup": {"Cleanup"},
    "getWarehouseCleanup": {"Cleanup"},
    "getScanhistoryCleanup": {"Cleanup"},
    "listServices": {"Service", "ServiceSetting", "Deployment"},
    "getServiceSetting": {"ServiceSetting"},
    "listWorkers": {"Worker", "Deployment", "Service", "Installer"},
    "listInstallers": {"Installer", "Deployment"},
}
"""Which kinds' writes can't be decided without the reply to a request."""

DEEPEST = 64
"""Levels of a reply that are believed."""

FRAMES = 5000
UNREAD = {"api_key", "connection_key", "password"}
Keys = dict[tuple[str, ...], str]
"""Natural key → id."""


class Unbelievable(Exception):
    """The reply isn't what the reference says."""


def require(holds: object) -> None:
    """Raises Unbelievable."""
    if not holds:
        raise Unbelievable


def only_json(body: bytes) -> Any:
    """JSON by the letter of RFC 8259, in UTF-8, without lone surrogates and without numbers that are none."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(FRAMES)
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_none, parse_int=_number, parse_float=_finite)
        json.dumps(data, ensure_ascii=False).encode()
        require(_levels(data) <= DEEPEST)
    except (ValueError, RecursionError):
        raise Unbelievable from None
    finally:
        sys.setrecursionlimit(limit)
    return data


def _levels(data: Any) -> int:
    """How deep it is, without what nobody reads."""
    if isinstance(data, dict):
        data = [value for name, value in data.items() if name not in UNREAD]
    return 1 + max(map(_levels, data), default=0) if isinstance(data, list) else 0


def _none(_: str) -> None:
    raise Unbelievable


def _number(text: str) -> int | float:
    """Whole numbers of more than 64 bits are floats."""
    return int(text) if len(text) < 21 and -(2**63) <= int(text) < 2**64 else _finite(text)


def _finite(text: str) -> float:
    found = float(text)
    require(found not in (float("inf"), float("-inf")))
    return found


def _id(entry: Any, *names: str) -> str:
    require(isinstance(entry, dict))
    for name in names:
        found = entry.get(name)
        if type(found) in (int, str) and found != "":
            return str(found)
    raise Unbelievable


def _listed(data: Any, *names: str) -> list[tuple[str, Any]]:
    require(isinstance(data, list))
    found = [(_id(one, *names), one) for one in data]
    require(all(one == other for id, one in found for same, other in found if id == same))
    return found


def _users(data: Any) -> Keys:
    for _, one in (found := _listed(data, "id")):
        require(isinstance(one.get("name"), str) and type(one.get("directory_id")) in (int, str))
        roles = one.get("roles")
        require(roles is None or (isinstance(roles, list) and all(type(role) in (int, str) for role in roles)))
    return {(str(one["directory_id"]), one["name"]): id for id, one in found}


def _directories(data: Any) -> Keys:
    for _, one in (found := _listed(data, "id")):
        require(isinstance(one.get("name"), str))
    return {(one["name"],): id for id, one in found}


def _roles(data: Any) -> Keys:
    for _, one in (found := _listed(data, "id", "role_id")):
        require(isinstance(one.get("name"), str))
        rights = one.get("rights")
        require(rights is None or isinstance(rights, dict))
        for verbs in (rights or {}).values():
            require(isinstance(verbs, list) and all(isinstance(verb, str) for verb in verbs))
    return {(one["name"],): id for id, one in found}


def _services(data: Any) -> Keys:
    for _, one in (found := _listed(data, "service_id", "id")):
        require(isinstance(one.get("type"), str))
    return {(one["type"], str(one.get("display_name"))): id for id, one in found}


def _workers(data: Any) -> Keys:
    if isinstance(data, dict) and isinstance(data.get("workers"), list):
        data = data["workers"]
    found = list(data.items()) if isinstance(data, dict) else _listed(data, "worker_id", "id")
    for _, one in found:
        require(isinstance(one, dict) and isinstance(one.get("host"), str) and type(one.get("port")) is int)
    return {(f"{one['host']}:{one['port']}",): id for id, one in found}


def _installers(data: Any) -> Keys:
    require(isinstance(data, dict) and all(isinstance(one, dict) for one in data.values()))
    return {(str(one.get("checksum")).lower(),): id for id, one in data.items()}


def _setting(data: Any) -> Keys:
    require(isinstance(data, dict))
    return {}


def _service_setting(data: Any) -> Keys:
    require(isinstance(data, dict) and {"max_replica", "min_replica", "cleanuprange", "storage"} & data.keys())
    return {}


READINGS: Mapping[str, Callable[[Any], Keys]] = {
    "listUsers": _users,
    "listUserDirectories": _directories,
    "listRoles": _roles,
    "listServices": _services,
    "listWorkers": _workers,
    "listInstallers": _installers,
    "getServiceSetting": _service_setting,
}


def reading(operation: str, body: bytes) -> Keys:
    """The objects that a reply shows, by natural key. Raises Unbelievable."""
    return READINGS.get(operation, _setting)(only_json(body))


DIRECTORIES = {"LOCAL": "1", "SYSTEM": "2"}
KINDS = {"listRoles": "Role", "listWorkers": "Worker", "listServices": "Service", "listInstallers": "Installer"}


def shown(operation: str, keys: Keys, kind: str, identity: tuple[str, ...]) -> bool | None:
    """Whether a reply shows an object; None where another one tells."""
    if operation == "listUsers" and kind == "User":
        return (DIRECTORIES.get(identity[0], ""), identity[1]) in keys
    return identity in keys if KINDS.get(operation) == kind else None
