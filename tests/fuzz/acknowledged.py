"""Answers to writes that are almost right, or not at all: what they don't acknowledge isn't taken for done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.secret import Secret
from reconciler.systems.base import Said, Verb, Work
from reconciler.wire import Request, Response
from tests.fuzz.bytewise import mangled
from tests.fuzz.json_noise import noisy
from tests.fuzz.judges import Unbelievable, only_json
from tests.fuzz.replies import HTML, INSTALLER, STATUSES, answers
from tests.fuzz.told import judge_words
from tests.systems.kit import SYSTEM, deployment, doc, facts, role, run, service, user, view, work_on, worker

SHA = "f" * 64
DOCUMENTS = [
    role("r", {"a": ["x"]}),
    user("u"),
    user("alice", password={"secret": "new"}, previous_password={"secret": "old"}),
    worker("new"),
    service("redis", host="new.internal"),
    service("cache", host="x.internal", user="u", password={"secret": "pw"}),
    deployment("cores", "worker-1", "worker-3"),
    doc("Installer", "core", {"file": "core.msi"}),
    doc("Session", "s", {"sessionTimeout": "2m"}),
    doc("Cleanup", "c", {"auditlog": "1d"}),
]
CASES = [
    (Verb.CREATE, "Role", "r", ()),
    (Verb.CREATE, "User", "u", ()),
    (Verb.UPDATE, "User", "alice", ("password",)),
    (Verb.CREATE, "Worker", "new", ()),
    (Verb.CREATE, "Service", "redis", ()),
    (Verb.CREATE, "Installer", "core", ()),
    (Verb.CREATE, "Deployment", "cores/worker-3", ()),
    (Verb.UPGRADE, "Deployment", "cores/worker-1", ("version",)),
    (Verb.DELETE, "Deployment", "cores/worker-1", ()),
    (Verb.DELETE, "Worker", "worker-3", ()),
    (Verb.DELETE, "User", "bob", ()),
    (Verb.DELETE, "Role", "soc-analyst", ()),
    (Verb.DELETE, "Installer", INSTALLER, ()),
    (Verb.UPDATE, "Service", "cache", ("host",)),
    (Verb.UPDATE, "Session", "s", ("sessionTimeout",)),
    (Verb.UPDATE, "Cleanup", "c", ("auditlog",)),
]
NEW = {"host": "new", "port": 8893, "result": "ok", "worker_id": "w9"}


def _worded(data: Any, id: str, word: str) -> bool:
    return isinstance(data, dict) and isinstance(data.get(id), str) and data[id].lower() == word


@dataclass(frozen=True)
class Given:
    """What is done, and the answer to one of the requests that it takes."""

    case: int
    operation: str
    status: int
    body: bytes


class Area:
    """One object is worked on, and one of the answers is spoilt."""

    def __init__(self, folder: Path) -> None:
        live = answers()
        ids = {one["display_name"]: one["worker_id"] for one in live["listWorkers"]}
        installer = {"name": "core.msi", "checksum": SHA, "type": "x", "version": "1"}
        self._seen = view(
            *DOCUMENTS,
            live=live,
            values={name: Secret(f"value of {name}") for name in ("pw", "wk", "new", "old")},
            files=facts("core.msi", SHA),
        )
        good = {
            **live, "connectWorkers": [NEW], "disconnectWorkers": {ids["worker-3"]: "Deleted"},
            "deployWorkers": {ids["worker-3"]: "Deploying"}, "undeployWorkers": {ids["worker-1"]: "Undeploying"},
            "uploadInstaller": {"installer_id": "i9"}, "listInstallers": {**live["listInstallers"], "i9": installer},
            "changePassword": {"success": True}, "login": {"session_id": "s", "oms-csrf-token": "t"},
            "listUpgradableVersions": {"ometascan": ["5.15.0", "5.16.0"]},
        }  # fmt: skip
        self._good = {name: b"" if body is None else json.dumps(body).encode() for name, body in good.items()}
        self._says: dict[str, Callable[[Any], bool]] = {
            "connectWorkers": lambda data: isinstance(data, list) and any(
                isinstance(one, dict) and all(
                    str(one.get(name)) == str(NEW[name]) for name in ("host", "port", "result")
                )
                for one in data
            ),
            "connectService": lambda data: "ok" in [
                one.get("result") for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict)
            ],
            "disconnectWorkers": lambda data: _worded(data, ids["worker-3"], "deleted"),
            "deployWorkers": lambda data: _worded(data, ids["worker-3"], "deploying"),
            "undeployWorkers": lambda data: _worded(data, ids["worker-1"], "undeploying"),
            "uploadInstaller": lambda data: isinstance(data, dict) and data.get("installer_id") == "i9",
            "changePassword": lambda data: not isinstance(data, dict) or data.get("success") is not False,
            "listInstallers": lambda data: data["i9"]["checksum"].lower() == SHA,
        }  # fmt: skip
        self._asked = [self._perform(number, None)[1] for number in range(len(CASES))]

    def _work(self, number: int) -> Work:
        _, kind, name, changed = CASES[number]
        return work_on(self._seen, kind, name, *changed)

    def _perform(self, number: int, given: Given | None) -> tuple[Any, list[str]]:
        """How the work ends, and the operations that were asked for."""
        verb, kind, *_ = CASES[number]
        asked: list[str] = []

        def answer(request: Request) -> Response:
            asked.append(request.operation)
            if given is not None and request.operation == given.operation:
                return Response(given.status, {}, given.body)
            return Response(200, {}, self._good.get(request.operation, b"{}"))

        results, _ = run(SYSTEM.kinds[kind].perform(verb, [self._work(number)], self._seen), answer)
        assert given is not None or results["m"].said is Said.DONE, (CASES[number], results, asked)
        return results["m"], asked

    def make(self, chance: Random) -> Given:
        """One spoilt answer."""
        number = chance.randrange(len(CASES))
        operation = chance.choice(self._asked[number])
        body, way = self._good.get(operation, b"{}"), chance.randrange(20)
        if way < 12:
            body = noisy(json.loads(body or b"{}"), chance)
        elif way < 17:
            body = mangled(body, list(self._good.values()), chance)
        elif way < 19:
            body = chance.choice((HTML, b"", b"null", b"[]", b"{}", b"[[]]", b'"ok"', b"true", b"[" * 100_000))
        return Given(number, operation, 200 if way else chance.choice(STATUSES), body)

    def run(self, given: Given) -> str:
        """Do the work; a result that says "done" must have been said by the answer."""
        verb, *_ = CASES[given.case]
        try:
            result, _ = self._perform(given.case, given)
        except ReconcilerError as error:
            judge_words(error.message)
            return f"{type(error).__name__} {given.operation}"
        if result.said is Said.DONE:
            gone = (verb is Verb.DELETE and given.status == 404) or given.operation == "logout"
            assert 200 <= given.status < 300 or gone, (given, result)
            assert gone or self._said(given), (given, result)
        return f"{result.said} {given.operation}"

    def _said(self, given: Given) -> bool:
        judge = self._says.get(given.operation)
        if judge is None:
            return True
        try:
            return judge(only_json(given.body))
        except (Unbelievable, KeyError, TypeError, AttributeError):
            return False
