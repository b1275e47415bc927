"""The worker list in each of the shapes that it may have."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reconciler.errors import BadReply
from reconciler.systems.health import Health
from reconciler.systems.replies import a_text, entries, json_type
from reconciler.wire import one_line

Worker = tuple[str, dict[str, Any]]
IDS = ("worker_id", "id")


def worker_entries(data: Any, what: str) -> list[Worker]:
    """(id, worker) pairs from a list, from ``{"workers": list}``, or from a map of id to worker. Raises BadReply."""
    if isinstance(data, dict) and isinstance(data.get("workers"), list):
        data = data["workers"]
    if isinstance(data, dict):
        found = [(str(id), _object(entry, what)) for id, entry in data.items()]
    else:
        found = entries(data, what, IDS)
    for _, worker in found:
        a_text(worker, "host", what)
        if type(worker.get("port")) is not int:
            raise BadReply(f"{what}: port is {json_type(worker.get('port'))}, not a whole number")
    return found


def _object(entry: Any, what: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise BadReply(f"{what}: an entry is {json_type(entry)}")
    return entry


def address(worker: dict[str, Any]) -> str:
    """A worker's natural key, ``host:port``."""
    return f"{worker['host']}:{worker['port']}"


def status(worker: dict[str, Any]) -> str:
    """The status word in lower case, empty where none is shown."""
    found = worker.get("status")
    return _word(found) if isinstance(found, str) else ""


@lru_cache(maxsize=100)  # of ten thousand workers, nearly all have the same
def _word(text: str) -> str:
    return one_line(text).lower()


def has_instance(worker: dict[str, Any]) -> bool:
    """Whether something is, or is about to be, or is just ceasing to be deployed there."""
    return bool(worker.get("type")) or status(worker) in INSTANCE_WORDS


AVAILABLE = "available"
RUNNING = frozenset({"deployed", "running"})
GOING = frozenset({"undeploying"})
UPGRADING = frozenset({"upgrading"})
MOVING = frozenset({"deploying"}) | UPGRADING | GOING
FAILED = frozenset({"failed"})
INSTANCE_WORDS = RUNNING | MOVING
LOST = dict.fromkeys(("disconnected", "unreachable", "offline"), Health.DEGRADED)
