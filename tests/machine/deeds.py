"""What a request would do, told from the request and the server's data alone, and what a plan permits.

Nothing here is the product's own: whoever judges a program mustn't ask it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.collection import Record
from reconciler.steps import Action, Plan, Step
from tests.machine.wire import Outgoing

Snapshot = Mapping[str, Mapping[str, Record]]

COLLECTION = {
    "listUsers": "users", "listRoles": "roles", "listUserDirectories": "userdirectories", "listServices": "services",
    "listWorkers": "workers", "listInstallers": "installers", "getServiceSetting": "filestorage-setting",
    "getSession": "session", "getSessionCookie": "sessioncookie",
}  # fmt: skip
ACCOUNTS = ("users", "roles", "userdirectories")
NEEDS = {
    "User": ACCOUNTS,
    "Role": ACCOUNTS,
    "Service": ("services", "workers"),
    "Worker": ("workers",),
    "Installer": ("installers", "workers"),
    "Deployment": ("workers", "installers", "services"),
    "ServiceSetting": ("filestorage-setting", "services", "workers"),
}
"""What a decision about each kind rests on."""

KIND = {
    "createUser": "User", "deleteUser": "User", "changePassword": "User", "createRole": "Role", "deleteRole": "Role",
    "connectService": "Service", "editService": "Service", "removeService": "Service",
    "connectWorkers": "Worker", "disconnectWorkers": "Worker", "uploadInstaller": "Installer",
    "deleteInstaller": "Installer", "deployWorkers": "Deployment", "undeployWorkers": "Deployment",
    "upgradeWorkers": "Deployment", "putServiceSetting": "ServiceSetting", "putSession": "Session",
    "putSessionCookie": "SessionCookie", "putAuditlogCleanup": "Cleanup", "putFilestorageCleanup": "Cleanup",
    "putWarehouseCleanup": "Cleanup", "putScanhistoryCleanup": "Cleanup",
}  # fmt: skip
HOME = {"User": "users", "Role": "roles", "Service": "services", "Worker": "workers", "Installer": "installers"}
DOWN = frozenset(
    {"deleteUser", "deleteRole", "removeService", "disconnectWorkers", "deleteInstaller", "undeployWorkers"}
)
DESTRUCTIVE = DOWN | {"upgradeWorkers"}
UP = frozenset({"createUser", "createRole", "connectService", "connectWorkers", "uploadInstaller", "deployWorkers"})


@dataclass(frozen=True)
class Deed:
    """One object that a request touches: ``what`` is up, down or edit, ``key`` its natural key, ``id`` the server's."""

    kind: str
    what: str
    key: Any
    id: str | None = None


def natural(collection: str, record: Record, now: Snapshot) -> Any:
    """An object's natural key."""
    if collection == "users":
        directory = now["directories"].get(str(record["directory_id"]), {"name": "?"})
        return (directory["name"], record["name"])
    if collection == "roles":
        return (record["name"],)
    if collection == "services":
        return (record["type"], record["host"], record["port"])
    if collection == "workers":
        return (f"{record['host']}:{record['port']}",)
    return (record["checksum"],)


def deeds_of(outgoing: Outgoing, now: Snapshot) -> list[Deed]:
    """What a write does, object by object."""
    kind = KIND.get(outgoing.operation)
    if kind is None:
        return []
    body = _json(outgoing)
    if outgoing.operation in UP:
        return [Deed(kind, "up", key, id) for key, id in _made(outgoing.operation, body, now)]
    if outgoing.operation in DOWN:
        ids = [str(id) for id in body] if isinstance(body, list) else [outgoing.path.rpartition("/")[2]]
        return [Deed(kind, "down", _known(kind, id, now), id) for id in ids]
    if outgoing.operation == "upgradeWorkers":
        return [Deed(kind, "edit", (body["type"], body["version"]))]
    id = outgoing.path.rpartition("/")[2] if kind == "Service" else None
    return [Deed(kind, "edit", _known(kind, id, now) if id else None, id)]


def _json(outgoing: Outgoing) -> Any:
    if not isinstance(outgoing.content, bytes) or not outgoing.content:
        return None
    return json.loads(outgoing.content)


def _made(operation: str, body: Any, now: Snapshot) -> Iterable[tuple[Any, str | None]]:
    if operation == "createUser":
        directory = now["directories"].get(str(body.get("directory_id", 1)), {"name": "?"})
        return [((directory["name"], body["name"]), None)]
    if operation == "createRole":
        return [((body["name"],), None)]
    if operation == "connectService":
        items = body if isinstance(body, list) else [body]
        return [((one["type"], one["host"], one["port"]), None) for one in items]
    if operation == "connectWorkers":
        return [((f"{one['host']}:{one['port']}",), None) for one in body]
    if operation == "deployWorkers":
        return [((body["type"], *_place(id, now)), id) for id in body["worker"]]
    return [(None, None)]


def _place(id: str, now: Snapshot) -> Any:
    worker = now["workers"].get(id)
    return natural("workers", worker, now) if worker else ("?",)


def _known(kind: str, id: str, now: Snapshot) -> Any:
    """The natural key of what has an id; None where nothing has it."""
    if kind == "Deployment":
        instance = (now["workers"].get(id) or {}).get("instance")
        return (instance["type"], *_place(id, now)) if instance else None
    found = now[HOME[kind]].get(id)
    return natural(HOME[kind], found, now) if found else None


class Permit:
    """What a plan says that may be written."""

    def __init__(self, plan: Plan) -> None:
        self._kinds = {step.kind for step in plan.steps}
        self._allowed: set[tuple[str, str, Any]] = set()
        self.deleted: set[tuple[str, Any]] = set()
        for step in plan.steps:
            self._allow(step)

    def covers(self, deed: Deed) -> bool:
        """Whether the plan has a step for it."""
        if deed.key is None or (deed.kind == "Installer" and deed.what == "up"):
            return deed.kind in self._kinds
        if deed.what == "edit" and deed.kind == "User":
            return deed.kind in self._kinds
        if deed.kind == "Service" and (deed.what, deed.kind, deed.id) in self._allowed:
            return True  # its natural key is its name; where it is may have changed
        return (deed.kind, deed.what, deed.key) in self._allowed

    def _allow(self, step: Step) -> None:
        for target in step.targets:
            wanted = _item_key(step.kind, target.item) if target.item else None
            there = _live_key(step.kind, target.live) if target.live else None
            if step.action.brings_up:
                self._allowed |= {("edit", step.kind, target.live.id)} if target.live else set()
                self._allowed |= {(step.kind, "up", wanted), (step.kind, "edit", wanted), (step.kind, "edit", there)}
            if step.action.takes_down and target.live is not None:
                self._allowed |= {(step.kind, "down", there), ("down", step.kind, target.live.id)}
            if step.action is Action.DELETE:
                self.deleted.add((step.kind, there))
            if step.action is Action.UPGRADE and target.item is not None:
                self._allowed.add((step.kind, "edit", (target.item.identity[0], target.item.fields["version"])))
        # What arrived damaged is taken away again by whoever has sent it.
        if step.kind == "Installer" and step.action is Action.CREATE and step.item is not None:
            self._allowed.add((step.kind, "down", step.item.identity))


def _item_key(kind: str, item: Any) -> Any:
    if kind == "Service":
        return (item.fields["type"], item.fields["host"], item.fields["port"])
    return item.identity


def _live_key(kind: str, live: Any) -> Any:
    if kind == "Service":
        return (live.fields["type"], live.fields.get("host"), live.fields.get("port"))
    return live.identity
