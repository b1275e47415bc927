"""A daemon to look at: each state that a target can be in, and every control a real one has, without systems behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from msgspec.structs import replace

from reconciler.daemon.events import Feed
from reconciler.daemon.state import Health, Mode, ObjectState, Phase, SourceState, Sync, TargetState
from reconciler.errors import InputError, StateLocked, UnknownTarget
from reconciler.model import Location, Problem, SourceFile
from reconciler.secret import Secret
from reconciler.steps import Action, Change, HeldBack, Plan
from reconciler.store.records import Approval, Ending, Entry, EntryRecord, PassRecord, PassStart, Suspension
from reconciler.web.app import create_app
from reconciler.web.server import serve
from reconciler.web.settings import Role, Token, WebSettings
from tests.render import samples

HOUR = 3600.0
SYSTEM = "metadefender"
TOKENS = {Role.READ: "token-of-rita", Role.PLAN: "token-of-paul", Role.OPERATE: "token-of-olga"}
NAMES = {Role.READ: "rita", Role.PLAN: "paul", Role.OPERATE: "olga"}
HOSTILE = "<script>alert('x')</script>\"'>&\u202etxt.exe\x00\x1b[31m\n{{ 7*7 }}"
"""A text that nobody means well with."""

BUDGET = tuple(
    HeldBack(
        samples.step(Action.DELETE, "User", f"former-{number}", Change("/email", f"f{number}@example.com", None),
                     reason="owned and no longer declared", destructive=True, disruptive=number == 1),
        "budget",
        "7 destructive steps, and a pass may do 5",
        "look at each destructive step, then --allow deletions=7",
    )
    for number in range(1, 8)
)  # fmt: skip
OVER_BUDGET = samples.plan(samples.ROLE, samples.USER, blocked=(*BUDGET, samples.BLOCKED), held=(samples.HELD,))


class Stage:
    """Fulfils ``Control``; ``asked`` notes what was asked of it, and by whom."""

    def __init__(self, source: SourceState, targets: Sequence[TargetState]) -> None:
        self.feed = Feed()
        self._source = source
        self._targets = {target.name: target for target in targets}
        self.asked: list[tuple[Any, ...]] = []
        self.past: dict[str, list[PassRecord]] = {}
        self.unsettled: dict[str, list[EntryRecord]] = {}
        self.locked = False
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def source(self) -> SourceState:
        return self._source

    @property
    def targets(self) -> Mapping[str, TargetState]:
        return self._targets

    @property
    def ready(self) -> bool:
        return self._source.revision is not None

    def healthy(self) -> str | None:
        return None

    def put(self, name: str, **changes: Any) -> None:
        """A target's new picture, and the event that tells of it."""
        self._targets[name] = after = replace(self._the(name), **changes)
        self.feed.tell("target", name, phase=after.phase.value, verdict=after.verdict)

    def soon(self, name: str, **changes: Any) -> None:
        """``put`` from another thread."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(lambda: self.put(name, **changes))

    def wake(self, target: str | None = None, *, by: str = "") -> None:
        self.asked.append(("wake", target, by))
        for name in [target] if target else list(self._targets):
            self.put(name, checked_at=time.time())

    async def plan(self, files: Sequence[SourceFile], targets: Sequence[str] = ()) -> list[Plan]:
        return [found for name, one in self._targets.items() if (found := one.plan) and name in (targets or [name])]

    def history(self, target: str, limit: int = 100) -> list[PassRecord]:
        self._check(target)
        return self.past.get(target, [])[:limit]

    def entries(self, target: str) -> list[EntryRecord]:
        self._check(target)
        return self.unsettled.get(target, [])

    async def suspend(self, target: str, *, by: str, reason: str, until: float | None) -> None:
        self._check(target)
        self.asked.append(("suspend", target, by, reason, until))
        self.put(target, suspension=Suspension(by, reason, time.time(), until), verdict="suspended")

    async def resume(self, target: str, *, by: str) -> None:
        self._check(target)
        self.asked.append(("resume", target, by))
        self.put(target, suspension=None, verdict="converged")

    async def approve(self, target: str | None, digest: str, *, by: str) -> str:
        for name, one in self._targets.items():
            if target in (None, name) and one.plan is not None and one.plan.digest == digest:
                self.asked.append(("approve", name, digest, by))
                self.put(name, approvals=(Approval(digest, by, time.time(), time.time() + HOUR),))
                return name
        raise InputError("no pending plan has this digest")

    async def adopt(self, target: str, kind: str, name: str, *, by: str, id: str | None = None) -> None:
        self.asked.append(("adopt", target, kind, name, by))

    async def forget(self, target: str, kind: str, name: str, *, by: str) -> None:
        self.asked.append(("forget", target, kind, name, by))

    async def resolve(self, target: str, entry: int, ending: Ending, *, by: str) -> None:
        self.asked.append(("resolve", target, entry, ending, by))

    def _the(self, name: str) -> TargetState:
        if name not in self._targets:
            raise UnknownTarget(f"there is no target {name!r}")
        return self._targets[name]

    def _check(self, name: str) -> None:
        self._the(name)
        if self.locked:
            raise StateLocked("the state is in use by another process", remedy="wait until it is done")


def target(name: str, verdict: str | None = "converged", **more: Any) -> TargetState:
    """A target that was looked at a moment ago."""
    now = time.time()
    usual: dict[str, Any] = {
        "system": SYSTEM,
        "url": f"https://{name}.example:8892",
        "verdict": verdict,
        "revision": samples.REVISION,
        "pass_id": "0f3c9a",
        "plan": samples.EMPTY,
        "objects": objects(),
        "checked_at": now - 25,
        "succeeded_at": now - 25,
        "next_at": now + 40,
    }
    return TargetState(name, **usual | more)


def objects(*extra: ObjectState) -> tuple[ObjectState, ...]:
    """What a small cluster has, all well."""
    services = [ObjectState("Service", name, Sync.SYNCED, Health.HEALTHY) for name in samples.ESSENTIAL]
    workers = [
        ObjectState("Worker", f"worker-{n}", Sync.SYNCED, Health.HEALTHY, health_words="connected") for n in (1, 2, 3)
    ]
    return (*services, *workers, ObjectState("Role", "soc-analyst", Sync.SYNCED), *extra)


def stage() -> Stage:
    """One target in each state."""
    now = time.time()
    made = Stage(
        SourceState("https://git.example/clusters.git, branch main", samples.REVISION, samples.REVISION,
                    read_at=now - 12, changed_at=now - 5 * HOUR),
        [
            target("emea"),
            target("apac", mode=Mode.OBSERVE, verdict="drifted", plan=samples.plan(samples.ROLE, samples.DEPLOYED)),
            target("prod", "blocked", plan=OVER_BUDGET, objects=_troubled(), succeeded_at=now - 9 * HOUR,
                   window="no maintenance window is open; the next one opens at 2026-03-07 02:00 UTC"),
            target("lab", "failed", plan=samples.FULL, report=samples.REPORT, failures=3, objects=_troubled(),
                   succeeded_at=now - 26 * HOUR),
            target("dmz", "error", plan=None, failures=12, objects=(), succeeded_at=now - 50 * HOUR,
                   error="https://dmz.example:8892 can't be reached: connection refused",
                   remedy="start it, or correct the address in the configuration"),
            target("staging", "progressing", plan=samples.plan(*samples.UPGRADES), phase=Phase.RUNNING),
            target("archive", "suspended", plan=samples.plan(samples.CLEANUP),
                   suspension=Suspension("olga", "storage is moved to the new rack", now - 2 * HOUR, now + 3 * HOUR)),
            target("fresh", None, plan=None, objects=(), revision=None, checked_at=None, succeeded_at=None,
                   next_at=None, pass_id=None),
            target("edge", None, plan=None, objects=(), phase=Phase.STANDBY, holder="replica-b", revision=None,
                   checked_at=None, succeeded_at=None, next_at=None),
        ],
    )  # fmt: skip
    made.past["lab"] = list(_past(now))
    made.past["prod"] = list(_past(now))[1:]
    made.unsettled["lab"] = [_entry(7, "unknown", "no answer within 30 s"), _entry(8, "open", "")]
    made.feed.tell("source", revision=samples.REVISION, sound=True)
    made.feed.tell("target", "emea", phase="waiting", verdict="converged")
    made.feed.tell("step-started", "lab", step=samples.USER.id)
    made.feed.tell("step-ended", "lab", step=samples.USER.id, status="failed", error="400: the address is taken")
    made.feed.tell("target", "lab", phase="waiting", verdict="failed")
    return made


def broken() -> Stage:
    """A tree that was never sound."""
    problems = (
        Problem(Location("prod/users.yaml", 12, 5), "unknown field 'emial' (did you mean 'email'?)"),
        Problem(Location("prod/services.yaml", 3, 1), "port: 70000 is more than 65535"),
    )
    source = SourceState("/srv/desired", None, "draft", "2 problems in the desired state", problems, time.time() - 3)
    return Stage(source, [target("prod", None, plan=None, objects=(), revision=None, checked_at=None)])


def hostile() -> Stage:
    """Every text that comes from elsewhere is hostile."""
    evil = HOSTILE
    step = samples.step(Action.UPDATE, evil, evil, Change(f"/{evil}", evil, f"{evil}!"), reason=evil, notes=(evil,),
                        destructive=True)  # fmt: skip
    held = tuple(HeldBack(step, rule, evil, evil) for rule in ("budget", evil))
    plan = samples.plan(step, blocked=held, held=held, warnings=(evil,), url=evil, system=evil)
    now = time.time()
    one = target("prod", "failed", plan=plan, system=evil, url=evil, error=evil, remedy=evil, revision=evil,
                 pass_id=evil,
                 objects=(ObjectState(evil, evil, Sync.FAILED, Health.DEGRADED, evil, evil),), holder=evil, window=evil,
                 suspension=Suspension(evil, evil, now, now + 9),
                 approvals=(Approval(samples.DIGEST, evil, now, now + 9),))  # fmt: skip
    made = Stage(SourceState(evil, evil, evil + "2", evil, (Problem(Location(evil, 1, 2), evil),), now), [one])
    start = PassStart(now, evil, evil)
    made.past["prod"] = [
        PassRecord(1, start, now, evil, {evil: 1}, ({"step": evil, "status": "failed", "error": evil},))
    ]
    made.unsettled["prod"] = [_entry(1, evil, evil, evil)]
    made.feed.tell(evil, "prod", **{evil: evil})
    return made


def crowd(number: int) -> Stage:
    """As many targets, a few of them in trouble."""
    states = {7: "failed", 11: "blocked", 13: "drifted"}
    targets = [target(f"t{index:04}", states.get(index, "converged")) for index in range(number)]
    return Stage(SourceState("/srv/desired", "r1", "r1", read_at=time.time()), targets)


def _troubled() -> tuple[ObjectState, ...]:
    return objects(
        ObjectState("User", "alice", Sync.PENDING, Health.HEALTHY, "waits for Role/soc-analyst"),
        ObjectState("User", "bob", Sync.FAILED, Health.MISSING, "400: e-mail address bob@example.com is taken"),
        ObjectState("Worker", "worker-9", Sync.BLOCKED, Health.DEGRADED, "budget: a pass may do 5", "disconnected"),
        ObjectState("Role", "legacy", Sync.HELD, Health.UNKNOWN, "prune is disabled"),
    )


def _past(now: float) -> Iterator[PassRecord]:
    counts = {"create": 2, "update": 1, "blocked": 1, "unchanged": 27}
    wrong = [
        {"step": outcome.step, "status": outcome.status.value, "error": outcome.error}
        for outcome in samples.REPORT.outcomes.values()
    ]
    for index, verdict in enumerate(("failed", "failed", "blocked", "converged")):
        at = now - (index + 1) * HOUR
        start = PassStart(at, "enforce", samples.REVISION, samples.DIGEST)
        yield PassRecord(40 - index, start, at + 4.2, verdict, counts, tuple(wrong) if verdict == "failed" else ())
    words = [{"step": "for 1 hour: storage is moved", "status": "done", "error": None}]
    yield PassRecord(13, PassStart(now - 98 * HOUR, "suspend, by olga"), now - 98 * HOUR, "ordered", {}, tuple(words))
    yield PassRecord(12, PassStart(now - 99 * HOUR, "apply", samples.REVISION), None, None, {}, ())


def _entry(id: int, status: str, reason: str, name: str = "alice") -> EntryRecord:
    key = ("User", ("LOCAL", name))
    entry = Entry(40, "POST /admin/user", "POST", "/admin/user", "replace", (), (key,), (name,), time.time() - 600)
    return EntryRecord(id, entry, status, reason, "", None)


def settings(*roles: Role, **more: Any) -> WebSettings:
    """Settings with a token for each of the roles."""
    tokens = tuple(Token(NAMES[role], role, Secret(TOKENS[role])) for role in roles)
    return WebSettings(lambda _: (b"", "text/plain"), tokens=tokens, **{"loopback": True, **more})


@contextmanager
def served(control: Stage, given: WebSettings) -> Iterator[str]:
    """The whole application on a free port of this machine, in an event loop of its own; gives its URL."""
    ready, urls, stops = threading.Event(), [], []

    def on_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    async def run() -> None:
        stop = asyncio.Event()
        stops.append(partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set))
        control.loop = asyncio.get_running_loop()
        await serve(create_app(control, given), "127.0.0.1:0", on_ready=on_ready, stop=stop)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(30), "the server doesn't start"
    try:
        yield urls[0]
    finally:
        stops[0]()
        thread.join(20)
        assert not thread.is_alive(), "the server doesn't stop"
