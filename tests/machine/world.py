"""One world: a server, what we remember of it, a clock, and a judge who watches. A pass is one process in it.

::

    world = World([role("r1"), user("alice", "r1")])
    ended = world.pass_(crash=7)            # killed at the seventh point; None: it isn't killed
    ended = world.pass_(faults=[Fault("lost-reply", on="write")], edits=[Edit({...}, on="write", nth=2)])
    world.calm_down()                       # no fault any more: converged, or blocked for a named reason, and idle
    assert not world.violations(), world.story()

A pass is what ``apply`` does: look, settle, decide, carry out, log out, on a state that is opened anew. It runs on
virtual time (``loop``), over the real client and a wire without sockets (``wire``), against the emulator's handlers
(``server``), with a state in memory (``book``) or, with ``state=PATH``, with the real one on SQLite. The judge
(``judge``) sees each request at the instant at which it leaves, arrives and is answered.

Points. Everything at which a process may be killed is a point: each write of the state (before and after its commit),
and four on the way of each request (before it arrives, on its way, done and not answered, before the answer arrives).
``ended.points`` names those that a pass came to, in order; ``crash=N`` kills it at the N-th (from 1). A pass that was
killed has ``ended.killed``; points after the last one kill nothing. For pairs of crashes::

    world = World(DOCUMENTS)
    world.pass_(crash=first)
    world.pass_(crash=second)
    world.calm_down()

The same world with the same passes always does the same.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import httpx

from reconciler.api import Client, Hooks, Limits
from reconciler.errors import ReconcilerError
from reconciler.execute import Options
from reconciler.load import load
from reconciler.memory import Owned
from reconciler.model import Desired, FileFacts, Resource, SourceFile
from reconciler.policy import Policy
from reconciler.reconcile import Case, carry_out, decide
from reconciler.secret import Keyring, Secret
from reconciler.steps import Plan, Report, Verdict
from reconciler.store import Store
from reconciler.systems.metadefender import MetaDefender
from reconciler.validate import validate
from tests.machine.book import Book, MemoryStore
from tests.machine.deeds import HOME
from tests.machine.judge import Judge
from tests.machine.loop import Clock, Killed, run
from tests.machine.server import PASSWORD, Center
from tests.machine.unmet import unmet
from tests.machine.wire import Edit, Fault, Wire

SYSTEM = MetaDefender()
KEYRING = Keyring((b"k" * 32,))
URL = "http://127.0.0.1:8892"
TARGET = "default"
SECRETS = ("pw", "old", "wk", "key", "new")
STABLE = (Verdict.CONVERGED, Verdict.BLOCKED)


@dataclass
class Ended:
    """How a pass ended: with a report, with an error, or killed. ``points`` are those that it came to."""

    points: list[str] = field(default_factory=list)
    plan: Plan | None = None
    report: Report | None = None
    error: BaseException | None = None
    killed: bool = False
    writes: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """One line: what a person would be told."""
        if self.killed:
            return f"killed at {self.points[-1]}"
        if self.report is None:
            return f"{type(self.error).__name__}: {self.error}"
        blocked = ", ".join(sorted(f"{one.step.id} ({one.rule})" for one in self.report.plan.blocked))
        bad = [f"{id} {one.status}: {one.error}" for id, one in self.report.outcomes.items() if one.status != "done"]
        return f"{self.report.verdict}{f', blocked: {blocked}' if blocked else ''}{f' {bad}' if bad else ''}"


class World:
    """See the module. ``live`` are orders to the emulator that make what is there at the start; ``ours``: what of
    it the state knows as ours, as (kind, name), an instance by its worker's. ``settings`` are the emulator's options,
    ``values`` the secrets' values, ``files`` the installers' files by name. ``state`` is a file for the real store."""

    def __init__(
        self,
        documents: Sequence[str] = (),
        *,
        live: Iterable[Mapping[str, Any]] = (),
        ours: Iterable[tuple[str, str]] = (),
        settings: Mapping[str, object] | None = None,
        policy: Policy | None = None,
        values: Mapping[str, str] | None = None,
        files: Mapping[str, FileFacts] | None = None,
        state: Path | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = Clock()
        self.book = Book()
        self.state = state
        self.center = _center(self.clock, settings or {}, live)
        self.judge = Judge(self.center, self.clock)
        self.policy = policy or Policy()
        self.ended: list[Ended] = []
        self._documents = tuple(documents)
        self._values = {name: Secret((values or {}).get(name, f"value of {name}")) for name in SECRETS}
        self._files = dict(files or {})
        self._chance = random.Random(seed)  # noqa: S311 - it guards nothing
        self._own(ours)

    def pass_(
        self,
        documents: Sequence[str] | None = None,
        *,
        policy: Policy | None = None,
        faults: Iterable[Fault] = (),
        edits: Iterable[Edit] = (),
        crash: int | None = None,
        lose_lease: int | None = None,
        jump: float = 0.0,
    ) -> Ended:
        """Run one process to its end. ``documents`` and ``policy`` hold from now on.

        It is killed at point number ``crash``, loses the lease at point ``lose_lease``, and its wall clock is
        ``jump`` seconds off.
        """
        self._documents = self._documents if documents is None else tuple(documents)
        self.policy = policy or self.policy
        self.clock.jumped = jump
        chance = random.Random(self._chance.random())  # noqa: S311 - it guards nothing
        process = _Process(self, crash, lose_lease, tuple(faults), tuple(edits), chance)
        self.judge.begin(self.policy)
        self.judge.adopted |= _adopters(self._documents)
        try:
            run(self.clock, process.apply(), process.bury)
        except Killed:
            process.ended.killed = True
            # What was journalled and never sent may be made by a human meanwhile: nobody can tell who it was.
            self.judge.claimable |= {key for one in self.book.memory(0.0).open for key in one.objects}
        except ReconcilerError as error:
            process.ended.error = error
        except Exception as error:  # noqa: BLE001 - whatever it is, a user would see a traceback
            process.ended.error = error
            self.judge.found.append(f"0: a traceback: {type(error).__name__}: {error}")
        process.ended.writes = list(self.judge.writes)
        self.ended.append(process.ended)
        return process.ended

    def calm_down(self, most: int = 3) -> None:
        """No fault any more: in ``most`` passes all is as desired, or blocked by name; one more writes nothing."""
        for _ in range(most):
            last = self.pass_()
            if _stable(last) and not last.writes:
                break
            self.wait(60)
        if not _stable(last):
            self.judge.found.append(f"1: not settled after {most} passes: {last.status}")
            return
        before, last = last, self.pass_() if last.writes else last
        if last.writes:
            self.judge.found.append(f"2: a settled pass writes {last.writes} after {before.status}")
        elif not _stable(last):
            self.judge.found.append(f"1: settled, and then not: {last.status} after {before.status}")
        self.judge.found += [f"1: {one}" for one in unmet(self.center, self.desired, last.plan)]

    def wait(self, seconds: float) -> None:
        """Let time go by between two passes."""
        self.clock.pass_by(seconds)

    def edit(self, order: Mapping[str, Any]) -> None:
        """A human changes something while no process runs."""
        self.judge.edited(order, lambda: self.center.edit(order))

    def violations(self) -> list[str]:
        """What was broken so far, each with the number of its invariant first (0: a traceback)."""
        return list(dict.fromkeys(self.judge.found))

    def story(self) -> str:
        """The violations, and how each pass ended; for a failing test."""
        passes = [f"pass {number}: {one.status}; wrote {one.writes}" for number, one in enumerate(self.ended, 1)]
        return "\n".join([*self.violations(), *passes])

    @property
    def desired(self) -> Desired:
        """What the documents ask for."""
        return desired_of(self._documents)

    def case(self, client: Client, store: Any) -> Case:
        """What a pass needs to know."""
        return Case(
            target=TARGET, system=SYSTEM, url=URL, desired=self.desired, client=client, store=cast(Store, store),
            policy=self.policy, values=self._values, keyring=store.keyring, files=self._files, own_user="admin",
        )  # fmt: skip

    def _own(self, ours: Iterable[tuple[str, str]]) -> None:
        now = self.center.snapshot()
        for kind, name in ours:
            home = HOME.get(kind, "workers")
            for id, record in now[home].items():
                if name not in (record.get("display_name") if home in ("workers", "services") else record["name"], id):
                    continue
                self.book.own(_owned(kind, name, id, record))
                self.judge.mine.add((HOME.get(kind, "instances"), id))


def _owned(kind: str, name: str, id: str, record: Mapping[str, Any]) -> Owned:
    """What the state would remember of an object that it was told to adopt."""
    place = f"{record.get('host')}:{record.get('port')}"
    identity = {
        "User": ("LOCAL", name),
        "Role": (name,),
        "Service": (record.get("type", ""), name),
        "Worker": (place,),
        "Deployment": ((record.get("instance") or {}).get("type", ""), place),
    }.get(kind, (record.get("checksum", ""),))
    return Owned(kind, identity, id, name, "cores" if kind == "Deployment" else name, adopted=True)


class _Process:
    """One run of the program: its client, its store, and the moment of its death."""

    def __init__(
        self,
        world: World,
        crash: int | None,
        lose_lease: int | None,
        faults: tuple[Fault, ...],
        edits: tuple[Edit, ...],
        chance: random.Random,
    ) -> None:
        self.ended = Ended()
        self._world = world
        self._crash = crash
        self._lose_lease = lose_lease
        self._dead = False
        self._wire = Wire(world.center, world.judge, self._point, faults, edits, chance)
        self._store: Any = None

    async def apply(self) -> None:
        """What the command of that name does."""
        world = self._world
        self._store = await self._opened()
        client = Client(
            cast(httpx.AsyncClient, self._wire), URL, SYSTEM.auth(_CREDENTIALS), read_only=False,
            limits=Limits(parallel=8), hooks=Hooks(fence=self._store.fence), clock=lambda: world.clock.now,
        )  # fmt: skip
        try:
            case = world.case(client, self._store)
            decision = await decide(case, settle=True)
            self.ended.plan = decision.plan
            world.judge.planned(decision.plan)
            self.ended.report = await carry_out(case, decision, Options(8, 3600.0, 2.0))
        finally:
            try:
                await client.close()
            finally:
                await self._store.close()

    def bury(self) -> None:
        """From now on the process can't do anything."""
        self._dead = True

    async def _opened(self) -> Any:
        if self._world.state is None:
            return MemoryStore(self._world.book, KEYRING, self._point)
        from tests.machine.sqlite import open_state

        return open_state(self._world.state, KEYRING, self._point)

    async def _point(self, name: str) -> None:
        if self._dead:
            raise Killed
        self.ended.points.append(name)
        number = len(self.ended.points)
        if number == self._lose_lease:
            self._store.lost = True
            self._world.judge.lease_lost()
        if number == self._crash:
            loop = asyncio.get_running_loop()
            loop.stop()
            self._dead = True
            await loop.create_future()


_CREDENTIALS = {"user": Secret("admin"), "password": Secret(PASSWORD)}


def _center(clock: Clock, settings: Mapping[str, object], live: Iterable[Mapping[str, Any]]) -> Center:
    center = Center(settings)
    # The emulator's clock asks the time module, which is virtual while a process runs; between two, this one counts.
    center.world.clock.now = lambda: clock.now  # type: ignore[method-assign]
    for order in live:
        center.edit(order)
    return center


def _stable(ended: Ended) -> bool:
    return ended.report is not None and ended.report.verdict in STABLE


@lru_cache(maxsize=10_000)
def resource_of(document: str) -> Resource:
    """A document that has no problem."""
    loaded, problems = load([SourceFile("a.yaml", document.encode())])
    desired, more = validate(loaded, SYSTEM)
    assert not [*problems, *more], (document, [str(one) for one in [*problems, *more]])
    return next(iter(desired.resources.values()))


@lru_cache(maxsize=1000)
def desired_of(documents: tuple[str, ...]) -> Desired:
    """Documents, each read once; that they agree with each other is left to who writes them."""
    found = [resource_of(document) for document in documents]
    return Desired({one.ref: one for one in found})


def _adopters(documents: tuple[str, ...]) -> set[tuple[str, Any]]:
    """The natural keys of what documents adopt."""
    found: set[tuple[str, Any]] = set()
    for resource in desired_of(documents).resources.values():
        if resource.annotations.get("reconciler/adopt") == "enabled":
            spec, kind = resource.spec, resource.ref.kind
            if kind == "User":
                found.add((kind, (spec.directory, resource.ref.name)))
            elif kind == "Role":
                found.add((kind, (resource.ref.name,)))
            elif kind == "Service":
                found.add((kind, (spec.type, spec.host, spec.port)))
            elif kind == "Worker":
                found.add((kind, (f"{spec.host}:{spec.port}",)))
    return found
