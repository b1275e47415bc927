"""What tests of floors 2 and 3 are made of: documents, what a server answers, what is remembered, what a flow asks.

Nothing here reaches a network: a flow is a generator, and a table of answers drives it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from msgspec.structs import replace

from reconciler.errors import ApiError
from reconciler.load import load
from reconciler.memory import Memory, Owned, Sent
from reconciler.model import Desired, FileFacts, Item, Key, LiveObject, SourceFile
from reconciler.plan import make_plan
from reconciler.policy import Policy
from reconciler.secret import Keyring, Seal, Secret
from reconciler.steps import HeldBack, Plan, Step
from reconciler.systems.base import Kind, Result, Verb, Work
from reconciler.systems.metadefender import MetaDefender
from reconciler.systems.view import Unreadable, View
from reconciler.timing import ANY_TIME, Timing
from reconciler.validate import validate
from reconciler.wire import FileBody, Flow, Request, Response

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "desired-state"
SYSTEM = MetaDefender()
URL = "http://center.example:8892"
TARGET = "default"
KEYRING = Keyring((b"k" * 32,))
SHA = "5" * 64

Answer: TypeAlias = Any
"""JSON to answer with, an int (that status, and an error text), a Response, or a list of these wrapped in Turns."""


class Turns(list[Any]):
    """Answers to the first, the second … request of one operation; the last one goes on."""


# --- documents


def doc(kind: str, name: str, spec: Mapping[str, Any], **annotations: str) -> str:
    """A document as YAML; annotations by their last word: ``adopt="enabled"``."""
    metadata: dict[str, Any] = {"name": name}
    if annotations:
        metadata["annotations"] = {f"reconciler/{word}": value for word, value in annotations.items()}
    return json.dumps({"apiVersion": "metadefender/v1", "kind": kind, "metadata": metadata, "spec": spec})


def tree(*documents: str) -> list[SourceFile]:
    """Documents as one file."""
    return [SourceFile("a.yaml", "\n---\n".join(documents).encode())]


def problems(*documents: str, reserved: frozenset[str] = frozenset()) -> list[str]:
    """What is wrong with documents, as ``place: message``."""
    loaded, found = load(tree(*documents))
    return [str(one) for one in [*found, *validate(loaded, SYSTEM, reserved=reserved)[1]]]


def desired(*documents: str) -> Desired:
    """Documents that have no problem."""
    return checked(tree(*documents))


def checked(files: Iterable[SourceFile]) -> Desired:
    """Files that have no problem."""
    loaded, found = load(files)
    result, more = validate(loaded, SYSTEM)
    assert [str(one) for one in [*found, *more]] == []
    return result


def example_files() -> list[SourceFile]:
    """The example documents."""
    return [SourceFile(path.name, path.read_bytes()) for path in sorted(EXAMPLES.glob("*.yaml"))]


def role(name: str, rights: Mapping[str, list[str]] | None = None, **annotations: str) -> str:
    """A Role's document."""
    return doc("Role", name, {} if rights is None else {"rights": rights}, **annotations)


def user(name: str, *roles: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> str:
    """A User's document, with a password."""
    given = {"password": {"secret": "pw"}, **({"roles": list(roles)} if roles else {}), **spec}
    return doc("User", name, given, **(annotations or {}))


def service(name: str, type: str = "caching", host: str = "cache.internal", port: int = 6379, **spec: Any) -> str:
    """A Service's document."""
    return doc("Service", name, {"type": type, "host": host, "port": port, **spec})


def worker(name: str, **spec: Any) -> str:
    """A Worker's document; its host is its name."""
    return doc("Worker", name, {"host": name, "port": 8893, "connection_key": {"secret": "wk"}, **spec})


def deployment(name: str, *workers: str, version: str | None = "5.15.0", type: str = "ometascan", **spec: Any) -> str:
    """A Deployment's document."""
    told = {} if version is None else {"version": version}
    return doc("Deployment", name, {"type": type, "workers": list(workers), **told, **spec})


def five(**changed: Mapping[str, Any]) -> list[str]:
    """The five essential services, as :func:`live_five` shows them."""
    return [
        service(type, **{"type": type, "host": f"{type}.internal", "port": 1000 + number, **changed.get(type, {})})
        for number, type in enumerate(("datalake", "warehouse", "caching", "broker", "filestorage"))
    ]


# --- what a server answers


def live_user(id: int | str, name: str, roles: Iterable[int | str] = (), **more: Any) -> dict[str, Any]:
    """A user as the server lists it."""
    shown = {"id": id, "name": name, "email": "a@b.c", "directory_id": 1, "roles": [str(one) for one in roles]}
    return {**shown, "api_key": f"{id:0>2}" * 18, **more}


def live_role(id: int | str, name: str, rights: Mapping[str, list[str]] | None = None, **more: Any) -> dict[str, Any]:
    """A role as the server lists it."""
    return {"id": id, "name": name, "display_name": name, "rights": rights or {}, **more}


def live_service(id: str, type: str, host: str, port: int, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A service as the server lists it."""
    shown = {"service_id": id, "type": type, "display_name": name or type, "status": "Connected"}
    return {**shown, "config": {"host": host, "port": port}, **more}


def live_five() -> list[dict[str, Any]]:
    """The five essential services."""
    types = enumerate(("datalake", "warehouse", "caching", "broker", "filestorage"))
    return [live_service(f"s{number}", type, f"{type}.internal", 1000 + number) for number, type in types]


def live_worker(name: str, version: str | None = None, **more: Any) -> dict[str, Any]:
    """A worker as the server lists it; ``version``: with an instance of that version."""
    shown = {"worker_id": f"w-{name}", "display_name": name, "host": name, "port": 8893, "status": "Available"}
    if version is not None:
        shown |= {"status": "Deployed", "type": "ometascan", "version": version, "installer_id": f"i-{version}"}
    return {**shown, **more}


def live_installer(version: str, type: str = "ometascan", sha: str = SHA) -> dict[str, Any]:
    """An installer as the server lists it, without its id."""
    name = f"{type}-{version}-1-x64.msi"
    return {"name": name, "checksum": sha, "type": type, "version": version, "size": 1, "platform": "windows"}


ADMIN = live_user(1, "admin", [1])
ADMINISTRATOR = live_role(1, "administrator", {"users": ["read", "write"]}, editable=False)
LIVE: dict[str, Answer] = {
    "listUsers": [ADMIN],
    "listUserDirectories": [{"id": 1, "name": "LOCAL"}, {"id": 2, "name": "SYSTEM"}, {"id": 7, "name": "LDAP"}],
    "listRoles": [ADMINISTRATOR],
    "getSession": {"sessionTimeout": 300_000, "absoluteSessionTimeout": 0, "allowDuplicateSession": True},
    "getSessionCookie": {"samesite": "Lax"},
    "getAuditlogCleanup": {"cleanuprange": 168},
    "getFilestorageCleanup": {"cleanuprange": 24},
    "getWarehouseCleanup": {"cleanuprange": 0},
    "getScanhistoryCleanup": {"cleanuprange": 168},
    "listServices": [],
    "getServiceSetting": {"max_replica": 1, "min_replica": 1, "cleanuprange": 0, "storage": {"type": "none"}},
    "listWorkers": [],
    "listInstallers": {},
}
"""A Control Center on which nothing has been done."""


def response(answer: Answer) -> Response:
    """An answer as a Response."""
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, int) and not isinstance(answer, bool):
        return Response(answer, {}, orjson.dumps({"err": f"status {answer}"}))
    return Response(200, {"content-type": "application/json"}, orjson.dumps(answer))


def raw(body: bytes, status: int = 200) -> Response:
    """An answer with any bytes."""
    return Response(status, {"content-type": "text/html"}, body)


# --- flows


def run(flow: Flow[Any], answers: Mapping[str, Answer] | Callable[[Request], Answer]) -> tuple[Any, list[Request]]:
    """Drive a flow; what it returns, and what it asked."""
    asked: list[Request] = []
    try:
        request = next(flow)
        while True:
            asked.append(request)
            found = response(answers(request) if callable(answers) else _turn(answers, request, asked))
            request = flow.send(dataclasses.replace(found, border=request.border))
    except StopIteration as end:
        return end.value, asked


def _turn(answers: Mapping[str, Answer], request: Request, asked: list[Request]) -> Answer:
    answer = answers[request.operation]
    if isinstance(answer, Turns):
        number = sum(one.operation == request.operation for one in asked)
        return answer[min(number, len(answer)) - 1]
    return answer


def body(request: Request) -> Any:
    """A request's JSON."""
    assert isinstance(request.body, bytes)
    return json.loads(request.body)


def shape(request: Request) -> tuple[str, str, str]:
    """What a request does: operation, method, path."""
    return request.operation, request.method, request.path


def fetched(name: str, answers: Mapping[str, Answer], seal: Seal | None = None) -> Any:
    """What a collection's flow makes of the answers."""
    return run(SYSTEM.collections[name].fetch(seal or Seal(TARGET, KEYRING)), {**LIVE, **answers})[0]


# --- views and plans


def view(
    *documents: str,
    live: Mapping[str, Answer] | None = None,
    memory: Memory | None = None,
    wanted: Desired | None = None,
    **more: Any,
) -> View:
    """The view of documents beside what the server answers; collections that can't be read are Unreadable."""
    answers = {**LIVE, **(live or {})}
    seal = Seal(TARGET, KEYRING, more.pop("own_key", None))
    collections: dict[str, Any] = {}
    for name, collection in SYSTEM.collections.items():
        try:
            collections[name] = run(collection.fetch(seal), answers)[0]
        except ApiError as error:
            collections[name] = Unreadable(error.message)
    given = {
        "values": {name: Secret(f"value of {name}") for name in ("pw", "old", "wk", "key", "new")},
        "keyring": KEYRING,
        "own_user": "admin",
        **more,
    }
    return View(SYSTEM, TARGET, wanted or desired(*documents), collections, memory or Memory(lineage="l"), **given)


def again(seen: View, **changed: Any) -> View:
    """The view with something else in it."""
    return replace(seen, _cache={}, **changed)


def owned(live: LiveObject, document: str | None = None, **more: Any) -> Owned:
    """The memory of a live object."""
    return Owned(live.kind, live.identity, live.id, live.name, document or live.name.rpartition("/")[2], **more)


def owning(seen: View, *which: str | Key, **more: Any) -> View:
    """The view, with these kinds (or natural keys) being ours, and their declared secrets being as last sent."""
    found = dict(seen.memory.owned)
    sent = dict(seen.memory.sent)
    for kind in SYSTEM.kinds.values():
        for live in seen.live(kind.name):
            if kind.name in which or live.key in which:
                item = seen.item_of(live)
                found[live.key] = owned(live, item.resource.ref.name if item else more.get("document"))
                if item is not None:
                    sent[item.key] = fingerprints(seen, kind, item)
    return again(seen, memory=replace(seen.memory, owned=found, sent=sent))


def fingerprints(seen: View, kind: Kind, item: Item) -> dict[str, Sent]:
    """What is remembered after a document's fields were sent."""
    from reconciler.secret import revealed

    return {
        name: Sent(KEYRING.make(TARGET, item.kind, item.identity, name, revealed(value, seen.values)), 1.0)
        for name, value in item.fields.items()
        if name in kind.unread
    }


def plan(seen: View, *, timing: Timing = ANY_TIME, approved: bool = False, **policy: Any) -> Plan:
    """The plan; what must hold for each plan is looked at on the way."""
    wanted = Policy(**{**policy, "allow": frozenset(policy.get("allow", ()))})
    made = make_plan(seen, wanted, url=URL, timing=timing, approved=approved)
    place = {move.id: number for number, move in enumerate(made.moves)}
    for move in made.moves:
        for other in move.hard | move.soft:
            assert place[other] < place[move.id], (other, move.id)
    assert {move.step for move in made.moves} == {step.id for step in made.steps}
    assert re.fullmatch("sha256:[0-9a-f]{64}", made.digest)
    return made


def ids(made: Plan) -> list[str]:
    """The steps' ids, in order."""
    return [step.id for step in made.steps]


def moves(made: Plan) -> list[str]:
    """The moves' ids, in order."""
    return [move.id for move in made.moves]


def step(made: Plan, id: str) -> Step:
    """One step."""
    return {one.id: one for one in made.steps}[id]


def rules(back: Iterable[HeldBack]) -> dict[str, str]:
    """What is held back, and by which rule."""
    return {one.step.id: one.rule for one in back}


def reasons(back: Iterable[HeldBack]) -> dict[str, str]:
    """What is held back, and why."""
    return {one.step.id: one.reason for one in back}


def hard(made: Plan, move: str) -> set[str]:
    """What a move waits for, on pain of not being done."""
    return set({one.id: one for one in made.moves}[move].hard)


# --- work


def perform(
    seen: View,
    verb: Verb,
    kind: str,
    name: str,
    answers: Mapping[str, Answer],
    *changed: str,
    fields: Mapping[str, Any] | None = None,
) -> tuple[Result, list[Request]]:
    """Do a verb to the object of one name, and look at what is asked."""
    work = work_on(seen, kind, name, *changed)
    if fields is not None and work.item is not None:
        work = replace(work, item=replace(work.item, fields=fields))
    results, asked = run(SYSTEM.kinds[kind].perform(verb, [work], seen), {**LIVE, **answers})
    assert list(results) == ["m"]
    return results["m"], asked


def work_on(seen: View, kind: str, name: str, *changed: str) -> Work:
    """The work on the object of one name: declared, live, or both."""
    item = next((one for one in seen.items(kind) if one.name in (name, f"{name}")), None)
    live = seen.pairs(kind).get(item.identity) if item else seen.live_named(kind, name)
    return Work("m", item, live, frozenset(changed))


def facts(path: str, sha256: str | None = SHA) -> Mapping[str, FileFacts]:
    """One file at hand."""
    return {path: FileFacts(f"tree/{path}", 4, sha256)}


def file_body(request: Request) -> FileBody:
    """A request's file."""
    assert isinstance(request.body, FileBody)
    return request.body
