"""Worker: a machine that instances can be deployed to. Connected and disconnected in lists, never updated."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from reconciler.errors import BadReply
from reconciler.model import Desired, Identity, Item, LiveObject, Resource
from reconciler.secret import Seal, SecretRef
from reconciler.steps import Action
from reconciler.systems.base import Collection, Kind, Result, Results, Spec, Verb, Work
from reconciler.systems.fields import Host, Port, SecretField
from reconciler.systems.health import Condition, Health, of_status
from reconciler.systems.metadefender.entries import (
    AVAILABLE,
    FAILED,
    IDS,
    LOST,
    MOVING,
    RUNNING,
    address,
    has_instance,
    status,
    worker_entries,
)
from reconciler.systems.replies import accepted, an_object, entries, only
from reconciler.systems.view import View
from reconciler.wire import Flow, Request, json_body, one_line


class WorkerSpec(Spec):
    """The document's name is the worker's display name."""

    host: Host
    port: Port = 8893
    connection_key: SecretField | None = None


def fetch_workers(seal: Seal) -> Flow[Any]:
    """``listWorkers``: GET /admin/worker → [(worker_id, worker)]."""
    request = Request("listWorkers", "GET", "/admin/worker")
    response = yield request
    return only(worker_entries(accepted(request, response).json(), "GET /admin/worker"), PUBLIC)


CONFIG = frozenset({"config/log_level", "config/connection_per_file_service"})
PUBLIC = CONFIG.union(IDS, {"host", "port", "display_name", "status", "type", "version", "license_id", "installer_id"})
WORKERS = Collection("workers", fetch_workers, PUBLIC)


class WorkerKind(Kind):
    name = "Worker"
    spec = WorkerSpec
    summary = "A machine that instances can be deployed to."
    reads = ("workers",)
    unread = frozenset({"connection_key"})
    needed = frozenset({"connection_key"})
    in_use = "undeploy-before-disconnect"

    def natural_keys(self, resource: Resource, desired: Desired) -> Iterable[Identity]:
        yield (worker_address(resource),)

    def items(self, resource: Resource, view: View) -> Iterable[Item]:
        spec = resource.spec
        fields: dict[str, Any] = {"display_name": resource.ref.name, "host": spec.host, "port": spec.port}
        if resource.spec.connection_key is not None:
            fields["connection_key"] = resource.spec.connection_key
        yield Item(self.name, (worker_address(resource),), resource.ref.name, fields, resource)

    def live(self, view: View) -> Iterable[LiveObject]:
        return [_worker(id, worker) for id, worker in view.collection("workers")]

    def disruptive(self, action: Action, item: Item | None, live: LiveObject | None, changed: frozenset[str]) -> bool:
        return action is Action.REPLACE

    def condition(self, live: LiveObject) -> Condition:
        """Whether it is connected; the word of a worker that carries an instance is that of the instance."""
        return _condition(live.facts["status"], live.facts["carries"])

    def precondition(self, verb: Verb, work: Work, view: View) -> str | None:
        carries = verb is Verb.DELETE and work.live is not None and work.live.facts["carries"]
        return "an instance is deployed on it now: plan again" if carries else None

    def batch(self, verb: Verb, work: Work) -> Hashable | None:
        return verb

    def perform(self, verb: Verb, works: Sequence[Work], view: View) -> Flow[Results]:
        if verb is Verb.CREATE:
            return (yield from self.connect(works, view))
        return (yield from self.disconnect(works))

    def connect(self, works: Sequence[Work], view: View) -> Flow[Results]:
        """``connectWorkers``: POST /admin/worker, all of them in one list; each is judged by its own result."""
        body = json_body([_connection(work, view) for work in works])
        request = Request("connectWorkers", "POST", "/admin/worker", body=body, write=True)
        response = accepted(request, (yield request))
        data = response.json()
        if not isinstance(data, list):
            raise BadReply("POST /admin/worker: the answer is not a list of results")
        said = {address(one): one for one in data if isinstance(one, dict) and "host" in one and "port" in one}
        return {work.move: _connected(said.get(_address_of(work)), response.hide) for work in works}

    def disconnect(self, works: Sequence[Work]) -> Flow[Results]:
        """``disconnectWorkers``: DELETE /admin/worker with a list of ids; a map of id to ``Deleted`` comes back."""
        body = json_body([work.id for work in works])
        request = Request("disconnectWorkers", "DELETE", "/admin/worker", body=body, write=True)
        response = accepted(request, (yield request))
        said = an_object(response.json(), "DELETE /admin/worker")
        return {work.move: judged(said.get(work.id), "deleted", response.hide) for work in works}

    def exports(self, live: LiveObject, view: View) -> Mapping[str, Any] | None:
        return {name: live.fields[name] for name in ("host", "port")} | {"connection_key": SecretRef("connection_key")}


CARRYING = dict.fromkeys(RUNNING | MOVING | FAILED, Health.HEALTHY) | LOST
BARE = {AVAILABLE: Health.HEALTHY, **dict.fromkeys(FAILED, Health.DEGRADED)} | LOST


@lru_cache(maxsize=100)  # of ten thousand workers, nearly all have the same
def _condition(word: str, carries: bool) -> Condition:
    return of_status(word, CARRYING if carries else BARE)


def judged(word: Any, expected: str, hide: Callable[[str], str]) -> Result:
    """One item of a map of ids to words: the expected word is success, none is unclear, another one is an error."""
    if not isinstance(word, str):
        return Result.unclear("the answer doesn't mention it")
    return Result.done() if word.lower() == expected else Result.refused(one_line(hide(word)))


def worker_address(resource: Resource) -> str:
    """A declared worker's natural key."""
    return f"{resource.spec.host}:{resource.spec.port}"


def _address_of(work: Work) -> str:
    return work.item.identity[0] if work.item else ""


def _worker(id: str, worker: dict[str, Any]) -> LiveObject:
    name = worker.get("display_name")
    shown = name if isinstance(name, str) and name else address(worker)
    fields = {"host": worker["host"], "port": worker["port"]}
    if isinstance(name, str):
        fields["display_name"] = name
    return LiveObject("Worker", (address(worker),), shown, id, fields, _facts(status(worker), has_instance(worker)))


@lru_cache(maxsize=100)
def _facts(word: str, carries: bool) -> Mapping[str, Any]:
    return {"status": word, "carries": carries}


def _connection(work: Work, view: View) -> dict[str, Any]:
    body = {name: work.wanted[name] for name in ("display_name", "host", "port")}
    key = work.wanted.get("connection_key")
    return body | ({"connection_key": view.values[key.name].reveal()} if key is not None else {})


def _connected(one: dict[str, Any] | None, hide: Callable[[str], str]) -> Result:
    if one is None or one.get("result") not in ("ok", "failed"):
        return Result.unclear("the answer doesn't mention it")
    if one["result"] == "failed":
        error = one.get("error")
        return Result.refused(one_line(hide(error)) if isinstance(error, str) else "the server gave no error text")
    found = entries([one], "POST /admin/worker", IDS) if any(one.get(name) for name in IDS) else []
    return Result.done(found[0][0] if found else None)
