"""Which objects a request would destroy or make, and what they are called by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from reconciler.emulator.collection import Record
from reconciler.emulator.journal import Entry
from reconciler.emulator.metadefender.state import LOCAL, State

READS: Mapping[str, tuple[str, ...]] = {
    "listRoles": ("roles",),
    "listUsers": ("users",),
    "listServices": ("services",),
    "getServiceByType": ("services",),
    "listWorkers": ("workers",),
    "listInstallers": ("installers",),
}
"""The reads that show which objects there are, and of which collections."""

DELETES: Mapping[str, str] = {
    "deleteRole": "roles",
    "deleteUser": "users",
    "removeService": "services",
    "deleteInstaller": "installers",
}
ENDED = ("Deployed", "Failed")


@dataclass(frozen=True, slots=True)
class Target:
    """What one destructive request is about: `what` is "delete", "undeploy", or "upgrade" (then `identity` is TYPE
    VERSION)."""

    what: str
    collection: str
    identity: str

    def __str__(self) -> str:
        return f"{self.what} {self.collection}/{self.identity}"

    def applies(self, state: State) -> bool:
        """Whether there is something to do yet."""
        if self.what == "upgrade":
            kind, version = self.identity.split(" ", 1)
            return any(one["instance"]["version"] != version for one in state.workers.tagged("type", kind))
        record = state.collection(self.collection).get(self.identity)
        return record is not None and (self.what == "delete" or record["status"] in ENDED)


def targets_of(entry: Entry) -> Iterator[Target]:
    """The targets of a request whose body is as documented."""
    operation = entry.operation or ""
    if operation in DELETES:
        yield Target("delete", DELETES[operation], last_part(entry))
    elif operation in ("disconnectWorkers", "undeployWorkers"):
        what = "delete" if operation == "disconnectWorkers" else "undeploy"
        yield from (Target(what, "workers", identity) for identity in dict.fromkeys(entry.body))
    elif operation == "upgradeWorkers":
        yield Target("upgrade", "workers", f"{entry.body['type']} {entry.body['version']}")


def key_of(state: State, target: Target) -> str | None:
    """What a target is called by whoever made it, such as "roles/analyst"; None where it can't be told."""
    if target.what == "upgrade":
        return f"instances of {target.identity.split(' ', 1)[0]}"
    record = state.collection(target.collection).get(target.identity)
    if record is None:
        return None
    if target.what == "undeploy":
        return f"instances of {record['instance']['type']}" if record["instance"] else None
    return natural_key(target.collection, record)


def natural_key(collection: str, record: Record) -> str:
    """What an object is called that no other one is."""
    if collection == "users":
        return f"users/{record.get('directory_id', LOCAL)}/{record['name']}"
    if collection in ("services", "workers"):
        return f"{collection}/{record['host']}:{record['port']}"
    return f"{collection}/{record['name']}"


def made(state: State, entry: Entry) -> Iterator[str]:
    """What is its sender's from this request on, if it is carried out."""
    body: Any = entry.body
    if entry.operation in ("createRole", "createUser"):
        yield natural_key("roles" if entry.operation == "createRole" else "users", body)
    elif entry.operation in ("connectService", "connectWorkers"):
        collection = "services" if entry.operation == "connectService" else "workers"
        yield from (natural_key(collection, item) for item in (body if isinstance(body, list) else [body]))
    elif entry.operation == "uploadInstaller":
        yield f"installers/{body['filename']}"
    elif entry.operation == "deployWorkers":
        yield f"instances of {body['type']}"
    elif entry.operation == "editService":
        service, config = state.services.get(last_part(entry)), body.get("config") or {}
        if service is not None and {"host", "port"} <= config.keys():
            yield natural_key("services", config)


def last_part(entry: Entry) -> str:
    """The id at the end of a path."""
    return unquote(entry.path.rpartition("/")[2])
