"""The judge: sees each request at the instant at which it leaves, arrives and is answered, and holds it to the
invariants. It keeps books of its own on what is whose, and asks the product nothing but its plan."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.policy import Policy
from reconciler.steps import Plan
from tests.machine.deeds import (
    COLLECTION,
    DESTRUCTIVE,
    HOME,
    KIND,
    NEEDS,
    Deed,
    Permit,
    Snapshot,
    deeds_of,
    natural,
)
from tests.machine.loop import Clock
from tests.machine.server import Center
from tests.machine.wire import Outgoing

DAY = 86_400.0
OLDEST = 10.0
"""Seconds: no write rests on an older read than this."""
NEVER_EXCUSED = frozenset({"self-delete", "built-in", "logout-of-api-key", "login-while-locked", "empty-list"})


@dataclass
class Reading:
    """What is known of one collection: when its newest good answer was asked for (in ticks) and came (in seconds),
    and the same of an answer that nobody can use and that was asked for later."""

    begun: int = -1
    since: float = 0.0
    bad: float | None = None
    bad_begun: int = -1


@dataclass
class PassBooks:
    """What counts within one pass."""

    policy: Policy
    started: int
    permit: Permit | None = None
    planned: int = 0
    deleted: int = 0
    lease_lost: bool = False
    read: dict[str, Reading] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)


class Judge:
    """Holds one world to the invariants; ``found`` are the violations."""

    def __init__(self, center: Center, clock: Clock) -> None:
        self.found: list[str] = []
        self.writes: list[str] = []
        self.log: list[tuple[float, str, str]] = []
        self.mine: set[tuple[str, str]] = set()
        self.adopted: set[tuple[str, Any]] = set()
        self._center = center
        self._clock = clock
        self._tick = 0
        self.claimable: set[tuple[str, Any]] = set()
        self._harmed: dict[tuple[str, Any], int] = {}
        self._changed: dict[tuple[str, str], int] = {}
        self._surprised = self._lied = -1
        self._seen = 0
        self._deletions: list[float] = []
        self._pass = PassBooks(Policy(), 0)

    def begin(self, policy: Policy) -> None:
        """A process starts."""
        self._pass = PassBooks(policy, self._next())
        self.writes = []

    def planned(self, plan: Plan) -> None:
        """It has decided."""
        self._pass.permit = Permit(plan)
        self._pass.planned = self._next()
        self.log.append((round(self._clock.now, 3), "planned:", ", ".join(step.id for step in plan.steps)))

    def lease_lost(self) -> None:
        """From now on another replica may write."""
        self._pass.lease_lost = True

    # --- what the wire tells

    def sending(self, outgoing: Outgoing) -> int:
        """A request leaves the client."""
        self._note("sends", outgoing)
        if outgoing.operation not in KIND:
            return self._next()
        self._pass.writers.add(_task())
        kind = KIND[outgoing.operation]
        if self._pass.lease_lost:
            self._say(9, outgoing, "the lease was lost before")
        for deed in deeds_of(outgoing, self._center.snapshot()):
            self._judge_plan(outgoing, deed)
            if deed.what == "up":
                self.claimable.add((deed.kind, deed.key))
        readings = {name: self._pass.read.get(name, Reading()) for name in NEEDS.get(kind, ())}
        outgoing.rests = min((reading.begun for reading in readings.values()), default=0)
        for name, reading in readings.items():
            if reading.bad is not None and reading.bad < self._clock.now:
                self._say(9, outgoing, f"the last read of {name} was bad")
            elif self._clock.now - reading.since > OLDEST:
                self._say(9, outgoing, f"{name} wasn't read for {self._clock.now - reading.since} s")
            elif outgoing.operation in DESTRUCTIVE and reading.begun < self._pass.planned:
                self._say(4, outgoing, f"{name} wasn't read afresh")
        return self._next()

    def arriving(self, outgoing: Outgoing) -> Snapshot:
        """It is at the server, which hasn't done it yet."""
        if outgoing.operation not in KIND:
            return {}
        before = self._center.snapshot()
        self.writes.append(outgoing.operation)
        for deed in deeds_of(outgoing, before):
            if outgoing.operation in DESTRUCTIVE:
                self._judge_repeat(outgoing, deed)
            if deed.what == "down" and deed.key is not None:
                self._judge_owner(outgoing, deed)
        if outgoing.operation == "upgradeWorkers":
            self._judge_upgrade(outgoing, before)
        return before

    def done(self, outgoing: Outgoing, before: Snapshot, status: int) -> None:
        """The server has done it, or refused it."""
        self._judge_rules(outgoing)
        if outgoing.operation not in KIND:
            return
        after = self._center.snapshot()
        self._book(outgoing, before, after)
        self._judge_state(outgoing, before, after)
        for deed in deeds_of(outgoing, before):
            if outgoing.operation in DESTRUCTIVE:
                self._harmed[outgoing.operation, deed.id or deed.key] = self._next()

    def answered(self, outgoing: Outgoing, begun: Any, status: int, honest: bool, sound: bool) -> None:
        """Its sender gets an answer, or hears that there is none (status 0)."""
        self._note(f"hears {status}{'' if honest else ', a lie,'}{'' if sound else ', unsound,'} of", outgoing)
        name = COLLECTION.get(outgoing.operation)
        if outgoing.operation in KIND and sound:
            self.claimable -= {(deed.kind, deed.key) for deed in deeds_of(outgoing, self._center.snapshot())}
        if not honest and status:
            self._lied = self._next()
        if name is None or _task() in self._pass.writers:
            return  # what a write looks up within its own call, nobody else sees
        reading = self._pass.read.setdefault(name, Reading())
        if sound and (status < 300 or status in (404, 405)):
            reading.begun, reading.since = max(reading.begun, begun), self._clock.now
            reading.bad = None if begun > reading.bad_begun else reading.bad
        elif 0 < status < 300 and begun > reading.begun:
            # Broken connections and 5xx are tried again; until then, what was read before stands as long as it is new.
            reading.bad, reading.bad_begun = self._clock.now, begun

    def edited(self, order: Mapping[str, Any], edit: Callable[[], None]) -> None:
        """A human changes something: it is theirs, unless we have just asked for the very same."""
        self.log.append((round(self._clock.now, 3), "a human:", str(order)))
        before = self._center.snapshot()
        edit()
        after = self._center.snapshot()
        self._surprised = self._next()
        for name in HOME.values():
            for id in before[name].keys() | after[name].keys():
                old, new = before[name].get(id), after[name].get(id)
                if old != new:
                    self._changed[name, id] = self._tick
            for id in after[name].keys() - before[name].keys():
                kind = next(kind for kind, home in HOME.items() if home == name)
                if (kind, natural(name, after[name][id], after)) in self.claimable:
                    self.mine.add((name, id))

    # --- what is judged

    def _judge_plan(self, outgoing: Outgoing, deed: Deed) -> None:
        permit = self._pass.permit
        if permit is None or not permit.covers(deed):
            self._say(8, outgoing, f"no step of the plan {deed.what}s {deed.kind} {deed.key}")
        changed = self._changed.get((HOME.get(deed.kind, ""), deed.id or ""), -1)
        reading = self._pass.read.get(HOME.get(deed.kind, ""))
        if deed.what == "down" and reading and self._pass.planned < changed < reading.begun:
            self._say(8, outgoing, f"{deed.kind} {deed.key} was changed after the plan, and read since")

    def _judge_repeat(self, outgoing: Outgoing, deed: Deed) -> None:
        last = self._harmed.get((outgoing.operation, deed.id or deed.key))
        if last is None:
            return
        for name in NEEDS[deed.kind]:
            reading = self._pass.read.get(name)
            if reading is None or reading.begun < last:
                self._say(4, outgoing, f"{deed.key} again, without reading {name} in between")

    def _judge_owner(self, outgoing: Outgoing, deed: Deed) -> None:
        home = HOME.get(deed.kind, "instances")
        if (home, deed.id) not in self.mine and (deed.kind, deed.key) not in self.adopted:
            self._say(6, outgoing, f"{deed.kind} {deed.key} isn't ours")

    def _judge_upgrade(self, outgoing: Outgoing, now: Snapshot) -> None:
        type = deeds_of(outgoing, now)[0].key[0]
        for id, worker in now["workers"].items():
            if (worker["instance"] or {}).get("type") == type and worker["status"] == "Deployed":
                place = natural("workers", worker, now)
                if ("instances", id) not in self.mine and ("Deployment", (type, *place)) not in self.adopted:
                    self._say(6, outgoing, f"the instance on {place} isn't ours")

    def _judge_rules(self, outgoing: Outgoing) -> None:
        """What the server itself says that nobody may do; unless nobody could know."""
        for one in self._center.violations()[self._seen :]:
            self._seen += 1
            if one["rule"] in NEVER_EXCUSED or not self._excused(outgoing):
                self.found.append(f"5: {one['rule']}: {one['detail']}")

    def _excused(self, outgoing: Outgoing) -> bool:
        if outgoing.operation == "createRole" and self._center.world.options.role_list != "list":
            return True  # nobody can look
        if self._lied > self._pass.started:
            return True
        if outgoing.operation not in DESTRUCTIVE:
            return self._surprised > self._pass.started
        return self._surprised > outgoing.rests

    def _judge_state(self, outgoing: Outgoing, before: Snapshot, after: Snapshot) -> None:
        twins = _twins(after) - _twins(before)
        if twins and not self._excused(outgoing):
            self._say(3, outgoing, f"duplicates: {sorted(twins)}")
        for name, key, _ in twins:
            # Nobody can tell which of the two is whose.
            self.mine |= {(name, id) for id, one in after[name].items() if natural(name, one, after) == key}
        if _can_log_in(before) and not _can_log_in(after):
            self._say(7, outgoing, "our own user, its roles or the last administrator is gone")

    def _book(self, outgoing: Outgoing, before: Snapshot, after: Snapshot) -> None:
        for name in HOME.values():
            self.mine |= {(name, id) for id in after[name].keys() - before[name].keys()}
            for id in before[name].keys() - after[name].keys():
                self.mine.discard((name, id))
                self._deleted(outgoing)
        for id, worker in after["workers"].items():
            was = (before["workers"].get(id) or worker)["status"]
            if was != worker["status"] == "Deploying":
                self.mine.add(("instances", id))
            if was != worker["status"] == "Undeploying":
                place = (worker["instance"]["type"], *natural("workers", worker, after))
                permit = self._pass.permit
                if permit is not None and ("Deployment", place) in permit.deleted:
                    self._deleted(outgoing)

    def _deleted(self, outgoing: Outgoing) -> None:
        policy, now = self._pass.policy, self._clock.wall
        self._pass.deleted += 1
        self._deletions.append(now)
        spent = sum(at > now - DAY for at in self._deletions)
        most = policy.destructive if policy.deletions is None else policy.deletions
        if self._pass.deleted > most:
            self._say(11, outgoing, f"{self._pass.deleted} destroyed in a pass that may do {most}")
        if policy.deletions is None and spent > policy.daily:
            self._say(11, outgoing, f"{spent} destroyed in a day that may see {policy.daily}")

    def _say(self, invariant: int, outgoing: Outgoing, text: str) -> None:
        self.found.append(f"{invariant}: {outgoing.operation} {outgoing.path}: {text}")

    def _note(self, what: str, outgoing: Outgoing) -> None:
        self.log.append((round(self._clock.now, 3), what, f"{outgoing.operation} {outgoing.path}"))

    def _next(self) -> int:
        self._tick += 1
        return self._tick


def _task() -> str:
    """The name of the task that runs: no two have the same, while ids are used again."""
    task = asyncio.current_task()
    return task.get_name() if task else ""


def _twins(now: Snapshot) -> set[tuple[str, Any, int]]:
    """Natural keys that more than one object has, with how many."""
    found: set[tuple[str, Any, int]] = set()
    for name in HOME.values():
        counted = Counter(natural(name, one, now) for one in now[name].values())
        found |= {(name, key, count) for key, count in counted.items() if count > 1}
    return found


def _can_log_in(now: Snapshot) -> bool:
    """Whether our own user is there and administrates."""
    roles = {id for id, role in now["roles"].items() if role["name"] == "administrator"}
    mine = [user for user in now["users"].values() if user["name"] == "admin"]
    return any(roles & {str(role) for role in user["roles"]} for user in mine)


def report(found: Iterable[str]) -> str:
    """Violations, one a line."""
    return "\n".join(dict.fromkeys(found))
