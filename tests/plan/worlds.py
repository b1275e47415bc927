"""Random worlds: documents, live objects, memory and policy, and a model of the product that moves are played on."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.errors import InvalidTree
from reconciler.load import load
from reconciler.model import Desired, LiveObject, Problem
from reconciler.plan.references import check_references
from reconciler.steps import Action, Move, Plan, Step, Target
from reconciler.systems.metadefender.service import TYPES
from reconciler.systems.metadefender.versions import of_file
from reconciler.systems.view import View
from reconciler.validate import validate
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    SYSTEM,
    again,
    deployment,
    doc,
    facts,
    live_five,
    live_installer,
    live_role,
    live_user,
    live_worker,
    owned,
    role,
    service,
    tree,
    user,
    view,
)

ROLES = ("r1", "r2", "administrator")
VERSIONS = ("5.14.0", "5.15.0", "5.16.0")
WORKERS = ("w1", "w2", "w3")
ANNOTATIONS = st.sampled_from([{}, {}, {}, {"reconcile": "disabled"}, {"adopt": "enabled"}, {"prune": "disabled"}])
some_roles = st.lists(st.sampled_from(ROLES), unique=True, max_size=2)
rights = st.sampled_from([{}, {"users": ["read"]}, {"users": ["read", "write"]}])


def _maybe(draw: st.DrawFn, chance: int = 2) -> bool:
    return draw(st.integers(0, chance)) > 0


@st.composite
def documents(draw: st.DrawFn) -> list[str]:
    """Some documents of every kind that has rules."""
    found = [role(name, draw(rights), **draw(ANNOTATIONS)) for name in ROLES[:2] if _maybe(draw)]
    for name in ("alice", "bob"):
        if _maybe(draw):
            directory = draw(st.sampled_from(["LOCAL", "LOCAL", "LDAP"]))
            more: dict[str, Any] = {"email": draw(st.sampled_from(["a@b.c", "x@y.z"]))} if draw(st.booleans()) else {}
            given = draw(some_roles)
            found.append(user(name, *given, annotations=draw(ANNOTATIONS), directory=directory, **more))
    for number, type in enumerate(TYPES):
        if _maybe(draw, 5):
            host = draw(st.sampled_from([f"{type}.internal", f"{type}.internal", "elsewhere"]))
            name = draw(st.sampled_from([type, type, "renamed"]))
            found.append(service(f"{type}-{name}", type, host, 1000 + number, display_name=name, **draw(ANNOTATIONS)))
    found += _deployments(draw)
    return found


def _deployments(draw: st.DrawFn) -> list[str]:
    named = {name: draw(st.sampled_from([name, name, name, "other"])) for name in WORKERS if _maybe(draw, 4)}
    found = [
        doc("Worker", name, {"host": host, "port": 8893, "connection_key": {"secret": "wk"}}, **draw(ANNOTATIONS))
        for host, name in dict(zip(named, dict.fromkeys(named.values()), strict=False)).items()
    ]
    workers = draw(st.permutations(WORKERS))
    cut = draw(st.integers(0, 3))
    for name, type, mine in (("cores", "ometascan", workers[:cut]), ("gates", "api-gateway", workers[cut:])):
        if mine and _maybe(draw):
            more: dict[str, Any] = {"config": {"log_level": "debug"}} if draw(st.booleans()) else {}
            version = draw(st.sampled_from(VERSIONS))
            found.append(deployment(name, *mine, version=version, type=type, **more))
    uploaded = [version for version in VERSIONS if draw(st.booleans())]
    return found + [doc("Installer", f"i-{one}", {"file": f"ometascan-{one}-1-x64.msi"}) for one in uploaded]


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    """What a Control Center with some of it answers."""
    roles = [ADMINISTRATOR, *(live_role(2 + n, name, draw(rights)) for n, name in enumerate(ROLES[:2]) if _maybe(draw))]
    held = st.lists(st.sampled_from([one["id"] for one in roles]), unique=True, max_size=2)
    users = [live_user(2 + n, name, draw(held)) for n, name in enumerate(("alice", "bob", "carol"))]
    for one in users:
        one["directory_id"] = draw(st.sampled_from([1, 1, 1, 7]))
    listed = draw(st.sampled_from([*[roles] * 8, 404]))
    versions = [version for version in VERSIONS if _maybe(draw)]
    installers = {f"i-{version}": live_installer(version, sha=f"{n}" * 64) for n, version in enumerate(versions)}
    workers = [_worker(draw, name, versions) for name in WORKERS if _maybe(draw, 4)]
    answers = {
        "listUsers": [ADMIN, *(one for one in users if _maybe(draw))],
        "listRoles": listed,
        "listServices": [one for one in live_five() if _maybe(draw, 6)],
        "listWorkers": workers,
        "listInstallers": installers,
    }
    if draw(st.integers(0, 9)) == 0:
        answers[draw(st.sampled_from(sorted(answers)))] = 500
    return answers


def _worker(draw: st.DrawFn, name: str, versions: list[str]) -> dict[str, Any]:
    if not versions or not draw(st.booleans()):
        return live_worker(name, status=draw(st.sampled_from(["Available", "Available", "Failed"])))
    status = draw(st.sampled_from(["Deployed", "Deployed", "Upgrading", "Undeploying"]))
    type = draw(st.sampled_from(["ometascan", "ometascan", "api-gateway"]))
    return live_worker(name, draw(st.sampled_from(versions)), status=status, type=type)


@st.composite
def views(draw: st.DrawFn) -> View:
    """A world as a plan sees it."""
    files = {**facts("ometascan-5.15.0-1-x64.msi"), **facts("ometascan-5.16.0-1-x64.msi")}
    given, answers = draw(documents()), draw(servers())
    while True:
        seen = view(live=answers, wanted=_read(given)[0], files=files)
        wrong = _lines(_read(given)[1]) | _lines(_unknown(seen))
        if not wrong:
            break
        given = [text for number, text in enumerate(given) if 2 * number + 1 not in wrong]
    mine = {}
    for kind in SYSTEM.kinds.values():
        for live in seen.live(kind.name):
            if not kind.singleton and _maybe(draw, 3):
                item = seen.item_of(live)
                document = item.resource.ref.name if item else draw(st.sampled_from(["cores", "gone"]))
                mine[live.key] = owned(live, document, keep=draw(st.integers(0, 5)) == 0)
    spent = draw(st.sampled_from([0, 0, 18]))
    return again(seen, memory=replace(seen.memory, owned=mine, spent=spent))


def _read(given: list[str]) -> tuple[Desired, list[Problem]]:
    loaded, wrong = load(tree(*given))
    assert wrong == []
    return validate(loaded, SYSTEM)


def _unknown(seen: View) -> Sequence[Problem]:
    try:
        check_references(seen)
    except InvalidTree as error:
        return error.problems
    return ()


def _lines(problems: Sequence[Problem]) -> set[int]:
    """Where documents are wrong: each stands in a line of its own, and they are left out."""
    return {problem.location.line for problem in problems}


policies = st.fixed_dictionaries(
    {
        "prune": st.booleans(),
        "allow": st.sampled_from([(), ("replace",), ("redeploy",), ("replace", "redeploy")]),
        "deletions": st.sampled_from([None, None, 2, 50]),
        "destructive": st.sampled_from([5, 50]),
    }
)


@dataclass
class Product:
    """The rules of order of a Control Center, on the objects that a view shows."""

    roles: set[str]
    users: dict[tuple[str, ...], set[str]]
    services: dict[tuple[str, ...], str]
    workers: set[str]
    instances: dict[str, tuple[str, str | None, str | None]]
    installers: dict[str, tuple[str, str]]
    lists_roles: bool
    broken: list[str] = field(default_factory=list)

    def demand(self, holds: object, text: str) -> None:
        """Note a rule that is broken."""
        if not holds:
            self.broken.append(text)

    def play(self, plan: Plan, moves: list[Move]) -> list[str]:
        """Do the moves; the rules that they break."""
        steps = {step.id: step for step in plan.steps}
        for move in moves:
            for target in steps[move.step].targets:
                self.one(steps[move.step], move, target)
        return self.broken

    def one(self, step: Step, move: Move, target: Target) -> None:
        """One object of one move."""
        handler = getattr(self, step.kind.lower(), None)
        if handler is not None:
            handler(step, move, target)

    def role(self, step: Step, move: Move, target: Target) -> None:
        name = target.item.identity[0] if target.item else _live(target).identity[0]
        if move.down:
            holders = [key for key, held in self.users.items() if name in held]
            self.demand(not holders, f"{move.id}: held by {holders}")
            self.demand(name != "administrator", f"{move.id}: built in")
            self.roles.discard(name)
        else:
            self.roles.add(name)

    def user(self, step: Step, move: Move, target: Target) -> None:
        key = target.item.identity if target.item else _live(target).identity
        if move.down:
            self.demand(key != ("LOCAL", "admin"), f"{move.id}: it is us")
            self.users.pop(key, None)
        elif step.action is not Action.UPDATE and target.item:
            held = set(target.item.fields.get("roles", ()))
            self.demand(not self.lists_roles or held <= self.roles, f"{move.id}: no role {held - self.roles}")
            self.demand(key not in self.users, f"{move.id}: twice")
            self.users[key] = held

    def service(self, step: Step, move: Move, target: Target) -> None:
        renamed = step.action is Action.UPDATE and all(change.path == "/display_name" for change in step.changes)
        if target.live is not None and not renamed:
            self.demand(not self.instances, f"{move.id}: deployed {self.instances}")
        if move.down:
            self.services.pop(_live(target).identity, None)
        elif target.item is not None and target.live is None:
            self.services[target.item.identity] = target.item.identity[0]

    def worker(self, step: Step, move: Move, target: Target) -> None:
        address = target.item.identity[0] if target.item else _live(target).identity[0]
        if move.down:
            self.demand(address not in self.instances, f"{move.id}: something is deployed there")
            self.workers.discard(address)
        else:
            self.demand(address not in self.workers, f"{move.id}: twice")
            self.workers.add(address)

    def installer(self, step: Step, move: Move, target: Target) -> None:
        if move.down:
            used = {one[2] for one in self.instances.values()}
            self.demand(_live(target).id not in used, f"{move.id}: in use")
            self.installers.pop(str(_live(target).id), None)
        elif target.item is not None:
            told = of_file(target.item.resource.spec.file)
            assert told is not None
            self.installers[f"new {told}"] = told

    def deployment(self, step: Step, move: Move, target: Target) -> None:
        type, address = target.item.identity if target.item else _live(target).identity
        version = target.item.fields.get("version") if target.item else None
        if move.down:
            self.instances.pop(address, None)
            return
        found = [id for id, one in self.installers.items() if one == (type, version)]
        self.demand(found, f"{move.id}: no installer of {type} {version}")
        if step.action is Action.UPGRADE:
            same = {where: one for where, one in self.instances.items() if one[0] == type}
            touched = {_live(one).identity[1] for one in step.targets}
            self.demand(set(same) == touched, f"{move.id}: goes over {sorted(same)}, and names {sorted(touched)}")
            self.instances |= dict.fromkeys(touched, (type, version, found[0] if found else None))
            return
        self.demand(address in self.workers, f"{move.id}: no worker {address}")
        self.demand(address not in self.instances, f"{move.id}: {address} is taken")
        missing = set(TYPES) - set(self.services.values())
        self.demand(not missing, f"{move.id}: no {missing}")
        self.instances[address] = (type, version, found[0] if found else None)


def _live(target: Target) -> LiveObject:
    assert target.live is not None
    return target.live


def product(seen: View) -> Product:
    """The product as a view shows it."""
    return Product(
        roles={live.name for live in seen.live("Role")},
        users={live.identity: set(live.fields.get("roles", ())) for live in seen.live("User")},
        services={live.identity: live.identity[0] for live in seen.live("Service")},
        workers={live.identity[0] for live in seen.live("Worker")},
        instances={
            live.identity[1]: (live.identity[0], live.fields.get("version"), live.facts["installer_id"])
            for live in seen.live("Deployment")
        },
        installers={str(one.id): (one.facts["type"], one.facts["version"]) for one in seen.live("Installer")},
        lists_roles=seen.collection("roles") is not None,
    )


def any_order(plan: Plan, chance: random.Random) -> list[Move]:
    """The moves in any order that their waits permit."""
    left: Mapping[str, Move] = {move.id: move for move in plan.moves}
    done: set[str] = set()
    found: list[Move] = []
    while len(done) < len(left):
        ready = [one for one in left.values() if one.id not in done and one.hard | one.soft <= done]
        pick = chance.choice(sorted(ready, key=lambda one: one.id))
        done.add(pick.id)
        found.append(pick)
    return found
