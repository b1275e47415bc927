"""What the emulated Control Center knows, and the file that keeps it.

Passwords and connection keys are kept as SHA-256 only: that is enough to check a login, and lets a test see whether
the right value arrived. A user's api_key stays in clear, since the product lists it.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from reconciler.emulator.collection import Collection, Record
from reconciler.emulator.files import write_whole

Transition: TypeAlias = tuple[float, int, str, int, dict[str, Any]]

FORMAT = 1
LOCAL, SYSTEM = 1, 2
ADMINISTRATOR = "1"
AREAS = ("users", "roles", "settings", "workers", "services", "installers")
BUSY = frozenset({"Deploying", "Deployed", "Undeploying", "Upgrading"})
COLLECTIONS = ("directories", "roles", "users", "services", "workers", "installers")


def hidden(secret: str) -> str:
    """What is kept in the place of a secret."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


def _user_tags(user: Record) -> Iterator[Hashable]:
    yield "name", user["directory_id"], user["name"]
    yield "api_key", user["api_key"]
    for role in user["roles"]:
        yield "role", role


def _service_tags(service: Record) -> Iterator[Hashable]:
    yield "address", service["host"], service["port"]
    yield "type", service["type"]


def _worker_tags(worker: Record) -> Iterator[Hashable]:
    yield "address", worker["host"], worker["port"]
    yield "status", worker["status"]
    if worker["status"] in BUSY and worker["instance"]:
        yield ("busy",)
        yield "installer", worker["instance"]["installer_id"]
        yield "type", worker["instance"]["type"]


def _installer_tags(installer: Record) -> Iterator[Hashable]:
    yield "checksum", installer["checksum"]
    yield "type", installer["type"]


def default_settings() -> dict[str, Record]:
    """The settings of a fresh installation, by the name that control requests use."""
    return {
        "auditlog": {"cleanuprange": 168},
        "filestorage": {"cleanuprange": 24},
        "warehouse": {"cleanuprange": 2160},
        "scanhistory": {"cleanuprange": 168},
        "session": {
            "absoluteSessionTimeout": 0,
            "allowCrossIpSessions": True,
            "allowDuplicateSession": True,
            "sessionTimeout": 300000,
        },
        "sessioncookie": {"samesite": "Lax"},
        "servicesetting": {
            "max_replica": 1,
            "min_replica": 1,
            "cleanuprange": 0,
            "storage": {"type": "none", "config": {}},
        },
    }


class State:
    """Every object of the emulated product. `schedule` holds what is going to happen to workers, soonest first."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.directories = Collection("id", lambda record: [("name", record["name"])])
        self.roles = Collection("id", lambda record: [("name", record["name"])])
        self.users = Collection("id", _user_tags)
        self.services = Collection("service_id", _service_tags)
        self.workers = Collection("worker_id", _worker_tags)
        self.installers = Collection("installer_id", _installer_tags)
        self.settings = default_settings()
        self.counters: dict[str, int] = {}
        self.deleted: dict[str, set[str]] = {}
        self.schedule: list[Transition] = []
        self.dirty = False

    def collection(self, name: str) -> Collection:
        """One of COLLECTIONS by its name; KeyError for another."""
        if name not in COLLECTIONS:
            raise KeyError(name)
        found: Collection = getattr(self, name)
        return found

    def next_number(self, name: str) -> int:
        """The next integer of the counter `name`, from 1 on. A number is never given twice, not after a restart."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]

    def next_id(self, name: str) -> str:
        """The next opaque id for an object of the collection `name`; the same run gives the same ids."""
        return hashlib.sha256(f"{name}/{self.next_number(name)}".encode()).hexdigest()[:32]

    def forget(self, name: str, identity: str) -> Record:
        """Delete an object and remember that it was there."""
        self.deleted.setdefault(name, set()).add(identity)
        return self.collection(name).remove(identity)

    def was_deleted(self, name: str, identity: str) -> bool:
        """Whether an object with this id was deleted before."""
        return identity in self.deleted.get(name, ())

    def plan(self, due: float, worker_id: str, turn: int, changes: dict[str, Any]) -> None:
        """Change a worker at `due` (on the world's clock) unless its `turn` is another one by then."""
        heapq.heappush(self.schedule, (due, self.next_number("transitions"), worker_id, turn, changes))

    def advance(self, now: float) -> None:
        """Make everything happen that is due."""
        while self.schedule and self.schedule[0][0] <= now:
            _, _, worker_id, turn, changes = heapq.heappop(self.schedule)
            worker = self.workers.get(worker_id)
            if worker is not None and worker["turn"] == turn:
                self.workers.change(worker_id, **changes)
            self.dirty = True

    def save(self, now: float) -> None:
        """Put the state into its file, whole or not at all, if there is one and something changed."""
        if self.dirty and self.path is not None:
            write_whole(self.path, orjson.dumps(self.as_json(now)))
        self.dirty = False

    def as_json(self, now: float) -> dict[str, Any]:
        """Everything, with times as seconds from `now` on."""
        return {
            "format": FORMAT,
            **{name: list(self.collection(name)) for name in COLLECTIONS},
            "settings": self.settings,
            "counters": self.counters,
            "deleted": {name: sorted(ids) for name, ids in self.deleted.items()},
            "schedule": [(due - now, *rest) for due, *rest in self.schedule],
        }

    def load(self, now: float) -> None:
        """Take over what the file holds; ValueError if it isn't a state of this format."""
        assert self.path is not None
        content = orjson.loads(self.path.read_bytes())
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"{self.path} isn't the state of an emulator of this version")
        for name in COLLECTIONS:
            for record in content[name]:
                self.collection(name).add(record)
        self.settings, self.counters = content["settings"], content["counters"]
        self.deleted = {name: set(ids) for name, ids in content["deleted"].items()}
        self.schedule = [(now + left, number, worker, turn, what) for left, number, worker, turn, what in
                         content["schedule"]]  # fmt: skip
        heapq.heapify(self.schedule)
