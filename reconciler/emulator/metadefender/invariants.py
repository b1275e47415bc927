"""What must hold at the instant each request arrives, whoever sends it and whatever becomes of it.

The handlers refuse what the product would refuse. The checker is a second opinion that depends on none of them: it
judges a request by the objects that there were when it came and by what was sent before, so that it works on a
recorded log as well as at work. It can't tell two processes of one user apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.emulator.journal import Entry
from reconciler.emulator.metadefender.schema import body_schemas, problem
from reconciler.emulator.metadefender.services import TYPES
from reconciler.emulator.metadefender.state import ADMINISTRATOR, BUSY, LOCAL, State
from reconciler.emulator.metadefender.targets import READS, Target, key_of, last_part, made, targets_of
from reconciler.emulator.metadefender.users import resolve_role

RULES: Mapping[str, int] = {
    "duplicate": 3,
    "worker-not-available": 3,
    "sent-again": 4,
    "services-before-deploy": 5,
    "worker-before-deploy": 5,
    "installer-before-deploy": 5,
    "service-frozen": 5,
    "undeploy-before-disconnect": 5,
    "role-before-user": 5,
    "role-in-use": 5,
    "installer-in-use": 5,
    "not-owned": 6,
    "self-delete": 7,
    "last-administrator": 7,
}
"""Each rule that is judged, and the number of the invariant that it belongs to."""

HONEST = frozenset({None, "delay", "trickle", "cut_request", "expire_session"})
"""What was done to an answer that tells the truth all the same."""

Found: TypeAlias = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Broken:
    """Request number `n` broke a rule."""

    n: int
    rule: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        """The finding as control requests show it."""
        return {"n": self.n, "rule": self.rule, "detail": self.detail}


@dataclass(slots=True)
class Checker:
    """Judges requests in the order of their arrival. `state` is as it is when each arrives.

    `owned` are the objects that may be deleted though no request here made them, as texts like "users/1/alice" (see
    :func:`targets.key_of`); None: ownership isn't judged.
    """

    state: State
    owned: Collection[str] | None = None
    _sent: dict[Target, Entry] = field(default_factory=dict)
    _reads: list[tuple[Entry, frozenset[Target]]] = field(default_factory=list)
    _shown: dict[Target, int] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)

    def judge(self, entry: Entry) -> list[Broken]:
        """The rules that this request breaks, and remember it; a body that isn't as documented breaks none."""
        operation = entry.operation or ""
        if operation in READS:
            self._note_read(entry, READS[operation])
            return []
        schema = body_schemas().get(operation)
        if schema is not None and problem(schema, entry.body) is not None:
            return []
        found = [*self._by_operation(entry), *self._destruction(entry)]
        self._made.update(made(self.state, entry))
        return [Broken(entry.n, rule, f"{operation}: {detail}") for rule, detail in found]

    def _by_operation(self, entry: Entry) -> Found:
        look = LOOKS.get(entry.operation or "")
        return look(self.state, entry) if look else iter(())

    def _destruction(self, entry: Entry) -> Found:
        self._fold_reads()
        for target in targets_of(entry):
            before = self._sent.get(target)
            refused = before is not None and 400 <= (before.status or 0) < 500  # so nothing was done, and it knows
            if before is not None and not refused and self._shown.get(target, 0) <= before.n:
                yield "sent-again", f"{target} was sent as request {before.n}, and not seen to be there since"
            key = key_of(self.state, target)
            if self.owned is not None and key is not None and key not in self._made and key not in self.owned:
                yield "not-owned", f"{key} is nobody's that asks"
            self._sent[target] = entry

    def _note_read(self, entry: Entry, collections: Collection[str]) -> None:
        """Whether it was answered is known only later."""
        self._fold_reads()
        sent = (target for target in self._sent if target.collection in collections)
        there = frozenset(target for target in sent if target.applies(self.state))
        if there:
            self._reads.append((entry, there))

    def _fold_reads(self) -> None:
        for entry, there in self._reads:
            if entry.status == 200 and entry.fault in HONEST:
                self._shown |= {target: max(entry.n, self._shown.get(target, 0)) for target in there}
        self._reads = [one for one in self._reads if one[0].status is None and one[0].fault in HONEST]


def _new_role(state: State, entry: Entry) -> Found:
    if state.roles.has("name", entry.body["name"]):
        yield "duplicate", f"a second role {entry.body['name']}"


def _new_user(state: State, entry: Entry) -> Found:
    directory, name = entry.body.get("directory_id", LOCAL), entry.body["name"]
    if state.users.has("name", directory, name):
        yield "duplicate", f"a second user {name} in directory {directory}"
    for role in entry.body.get("roles", ()):
        if resolve_role(state, role) is None:
            yield "role-before-user", f"role {role} doesn't exist"


def _new_places(state: State, entry: Entry) -> Found:
    """Services or workers."""
    places = state.services if entry.operation == "connectService" else state.workers
    seen = set()
    for item in entry.body if isinstance(entry.body, list) else [entry.body]:
        place = item["host"], item["port"]
        if place in seen or places.has("address", *place):
            yield "duplicate", f"a second one at {place[0]}:{place[1]}"
        seen.add(place)


def _deploy(state: State, entry: Entry) -> Found:
    missing = [kind for kind in TYPES if not state.services.has("type", kind)]
    if missing:
        yield "services-before-deploy", f"no {', '.join(missing)}"
    if state.installers.get(entry.body["installer_id"]) is None:
        yield "installer-before-deploy", f"no installer {entry.body['installer_id']}"
    for identity in entry.body["worker"]:
        worker = state.workers.get(identity)
        if worker is None:
            yield "worker-before-deploy", f"no worker {identity}"
        elif worker["status"] != "Available":
            yield "worker-not-available", f"worker {identity} is {worker['status']}"


def _service(state: State, entry: Entry) -> Found:
    """A change of the address or the user is seen; one of a secret isn't, since logs hide those."""
    service = state.services.get(last_part(entry))
    if service is None or not state.workers.has("busy"):
        return
    config = (entry.body or {}).get("config") or {}
    seen = [name for name in ("host", "port", "user") if name in config and config[name] != service.get(name)]
    if entry.operation == "removeService" or seen:
        yield "service-frozen", f"service {service['service_id']} while instances are there"


def _disconnect(state: State, entry: Entry) -> Found:
    for identity in entry.body:
        worker = state.workers.get(identity)
        if worker is not None and worker["status"] in BUSY:
            yield "undeploy-before-disconnect", f"worker {identity} is {worker['status']}"


def _role_goes(state: State, entry: Entry) -> Found:
    if state.users.has("role", last_part(entry)):
        yield "role-in-use", f"role {last_part(entry)} is held"


def _user_goes(state: State, entry: Entry) -> Found:
    user = state.users.get(last_part(entry))
    if user is None:
        return
    if entry.user is not None and user["name"] == entry.user and user["directory_id"] == LOCAL:
        yield "self-delete", f"{entry.user} would delete itself"
    holders = [one for one in state.users.tagged("role", ADMINISTRATOR) if one["directory_id"] == LOCAL]
    if holders == [user]:
        yield "last-administrator", f"{user['name']} is the last administrator"


def _installer_goes(state: State, entry: Entry) -> Found:
    if state.workers.has("installer", last_part(entry)):
        yield "installer-in-use", f"installer {last_part(entry)} is deployed"


LOOKS: Mapping[str, Callable[[State, Entry], Found]] = {
    "createRole": _new_role,
    "createUser": _new_user,
    "connectService": _new_places,
    "connectWorkers": _new_places,
    "deployWorkers": _deploy,
    "editService": _service,
    "removeService": _service,
    "disconnectWorkers": _disconnect,
    "deleteRole": _role_goes,
    "deleteUser": _user_goes,
    "deleteInstaller": _installer_goes,
}
