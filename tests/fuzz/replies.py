"""Replies of a server that are almost right, or not at all: none leads to a traceback, nor a bad one to a write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from reconciler.errors import ApiError, InvalidTree
from reconciler.memory import Memory
from reconciler.model import Desired
from reconciler.plan import make_plan
from reconciler.policy import Policy
from reconciler.secret import Seal, Secret
from reconciler.steps import Action, Plan, Step
from reconciler.systems.view import NotOffered, Unreadable, View
from reconciler.wire import Response
from tests.fuzz.bytewise import mangled
from tests.fuzz.json_noise import noisy
from tests.fuzz.judges import DEPENDENTS, Keys, Unbelievable, reading, shown
from tests.fuzz.told import judge_words
from tests.systems.kit import KEYRING, LIVE, SYSTEM, TARGET, URL, checked, example_files, facts, owning, run, view

RECORDED = Path(__file__).parent / "recorded" / "answers.json"
INSTALLER = "ometascan-5.15.0-1-x64.msi"
EVERYTHING = Policy(prune=True, allow=frozenset({"redeploy", "replace"}), deletions=100, recreate=100,
                    destructive=1000, daily=1000)  # fmt: skip
GONE = ("alice", "cluster-operator", "worker-3", "files", "cores")
"""Names of documents that half of the plans are made without, so that there is something to delete."""

OFFERED_OR_NOT = ("listRoles", "getSession", "getSessionCookie", "getServiceSetting", *(
    operation for operation in DEPENDENTS if operation.endswith("Cleanup")
))  # fmt: skip
HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
STATUSES = (201, 204, 301, 400, 401, 403, 404, 405, 418, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Given:
    """A reply to one of the reads, and which documents there are."""

    operation: str
    status: int
    body: bytes
    part: bool


def answers() -> dict[str, Any]:
    """What a Control Center answers on which the example is applied."""
    return {**LIVE, **json.loads(RECORDED.read_text())}


class Area:
    """Each reply takes one place among good ones; then a plan is made that may do everything."""

    def __init__(self, folder: Path) -> None:
        self._bodies = {name: json.dumps(body).encode() for name, body in answers().items() if name in DEPENDENTS}
        whole = checked(example_files())
        part = Desired({ref: one for ref, one in whole.resources.items() if ref.name not in GONE})
        secrets = {name: Secret(f"value of {name}") for name in _secrets_of(whole)}
        given: dict[str, Any] = {"live": answers(), "values": secrets, "files": facts(f"installers/{INSTALLER}")}
        seen = view(wanted=whole, **given)
        memory = owning(
            seen, *(live.key for kind in SYSTEM.kinds for live in seen.live(kind) if seen.item_of(live))
        ).memory
        self._views = {
            False: view(wanted=whole, memory=memory, **given),
            True: view(wanted=part, memory=memory, **given),
        }
        self._collections = {name: _operation_of(name) for name in SYSTEM.collections}
        self._plans: dict[Any, Plan] = {}
        self._deletes(make_plan(self._views[True], EVERYTHING, url=URL))

    @staticmethod
    def _deletes(plan: Plan) -> None:
        """The plan of a good reply deletes; else there would be nothing to see."""
        assert {step.kind for step in plan.steps if step.action is Action.DELETE} >= {"User", "Worker"}, plan.steps

    def make(self, chance: Random) -> Given:
        """One reply."""
        operation = chance.choice(list(self._bodies))
        body, way = self._bodies[operation], chance.randrange(20)
        status = 200 if way else chance.choice(STATUSES)
        if way < 13:
            body = noisy(json.loads(body), chance)
        elif way < 18:
            body = mangled(body, list(self._bodies.values()), chance)
        elif way == 18:
            body = chance.choice((HTML, b"", b"null", b"[]", b"{}", b"[" * 100_000, b'{"a":' * 5000, b"1e999", b"0"))
        else:
            body = self._bodies[chance.choice(list(self._bodies))]
        return Given(operation, status, body, chance.random() < 0.7)

    def run(self, given: Given) -> str:
        """Read it, make a plan, and compare both with what a second reading says."""
        base = self._views[given.part]
        name = next(name for name, operation in self._collections.items() if operation == given.operation)
        response = Response(given.status, {"content-type": "application/json"}, given.body)
        try:
            found = run(SYSTEM.collections[name].fetch(Seal(TARGET, KEYRING)), lambda _: response)[0]
        except ApiError as error:
            judge_words(error.message)
            found = Unreadable(error.message)
        try:
            keys = reading(given.operation, given.body) if 200 <= given.status < 300 else None
        except Unbelievable:
            keys = None
        if isinstance(found, NotOffered):
            assert given.status in (404, 405)
            assert given.operation in OFFERED_OR_NOT
            keys = {}
        elif isinstance(found, Unreadable):
            assert keys is None, f"{given.operation}: {found.reason}"
        else:
            assert keys is not None, f"{given.operation}: believed"
        try:
            plan = self._plan(base, name, found, given.part)
        except InvalidTree as error:  # a document names what isn't there
            judge_words(error.problems)
            return f"refused {given.operation}"
        for step in plan.steps:
            self._judge(step, given.operation, keys, base.memory)
        return f"{'bad' if keys is None else 'good'} {given.operation}"

    def _plan(self, base: View, name: str, found: Any, part: bool) -> Plan:
        """The plan; of an unread collection it is made once, since only its words differ."""
        key = (name, part, isinstance(found, Unreadable), str(found) if isinstance(found, NotOffered) else None)
        if isinstance(found, Unreadable) and key in self._plans:
            return self._plans[key]
        seen = replace(base, collections={**base.collections, name: found}, _cache={})
        plan = make_plan(seen, EVERYTHING, url=URL)
        if isinstance(found, Unreadable):
            self._plans[key] = plan
        return plan

    def _judge(self, step: Step, operation: str, keys: Keys | None, memory: Memory) -> None:
        if keys is None:
            assert step.kind not in DEPENDENTS[operation], f"{step.id} after a bad {operation}"
            return
        for target in step.targets:
            if step.action is Action.CREATE and target.item is not None:
                assert not shown(operation, keys, step.kind, target.item.identity), f"{step.id} is there"
            if step.action in (Action.DELETE, Action.REPLACE) and target.live is not None:
                owned = memory.owned.get(target.live.key)
                assert shown(operation, keys, step.kind, target.live.identity) is not False, f"{step.id} isn't there"
                assert owned is not None, f"{step.id} isn't ours"
                assert owned.id == target.live.id, f"{step.id} is another one"


def _operation_of(collection: str) -> str:
    return next(SYSTEM.collections[collection].fetch(Seal(TARGET, KEYRING))).operation


def _secrets_of(wanted: Desired) -> set[str]:
    """The names of the secrets that documents use."""
    found: set[str] = set()
    left: list[Any] = [one.document.spec for one in wanted.resources.values()]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            found |= {one["secret"]} if isinstance(one.get("secret"), str) else set()
            left += one.values()
        elif isinstance(one, list):
            left += one
    return found
