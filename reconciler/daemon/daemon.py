"""The daemon: one loop a target, one for the source, and what may be asked of them while they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from msgspec import Struct

from reconciler import orders
from reconciler.daemon.board import Board
from reconciler.daemon.events import Feed
from reconciler.daemon.following import Follower
from reconciler.daemon.history import record_order
from reconciler.daemon.holding import Holding
from reconciler.daemon.pace import Pace
from reconciler.daemon.roster import Roster
from reconciler.daemon.sharing import AT_ONCE, Sharing
from reconciler.daemon.slots import Slots
from reconciler.daemon.state import Phase, SourceState, TargetState
from reconciler.daemon.target_loop import TargetLoop, Watcher
from reconciler.daemon.trees import Trees
from reconciler.errors import InputError, ReconcilerError, UnknownTarget
from reconciler.load.suggest import suggest
from reconciler.model import SourceFile
from reconciler.reconcile import Case, decide
from reconciler.steps import Plan
from reconciler.store import Store, shared
from reconciler.store.records import Approval, Ending, EntryRecord, PassRecord, Suspension
from reconciler.trees import Loaded

log = structlog.get_logger(__name__)

STUCK = 30.0
"""Seconds without a turn of the event loop after which it counts as stuck."""
APPROVED_FOR = 24 * 3600.0
"""Seconds for which an approval waits for its plan to be carried out."""


class Rhythm(Struct, frozen=True):
    """``backoff``: the longest wait after failures; ``parallelism``: passes at once; ``lease``: seconds a lease lasts;
    ``replica``: what this process is called."""

    backoff: float = 900.0
    parallelism: int = 16
    lease: float = 15.0
    replica: str = "reconciler"


@dataclass
class Daemon:
    """Implements ``Control``. ``watcher`` learns of each pass, and of each request to a target."""

    roster: Roster
    follower: Follower
    rhythm: Rhythm
    watcher: Watcher
    board: Board = field(init=False)
    trees: Trees = field(init=False)
    sharing: Sharing = field(init=False)
    loops: dict[str, TargetLoop] = field(init=False)
    _asking: asyncio.Semaphore = field(init=False)
    _errands: set[asyncio.Task[None]] = field(default_factory=set)
    _beat: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.board = Board(self.roster.entries, self.follower.where)
        self.trees = Trees(self.follower, self.roster, self.board, self._changed)
        slots, self.sharing = Slots(self.rhythm.parallelism), Sharing(self.rhythm.lease)
        self.loops = {name: self._loop(name, slots) for name in self.roster.entries}
        self.sharing.sharers = self.loops
        # Of the slots, which are given in turn: one request for plans of every target shall not hold up the passes.
        self._asking = asyncio.Semaphore(max(1, self.rhythm.parallelism // 2))

    def _loop(self, name: str, slots: Slots) -> TargetLoop:
        entry = self.roster.entries[name]
        holding = Holding(name, self.rhythm.replica, self.rhythm.lease, self.watcher.called(name))
        pace = Pace(entry.interval, max(self.rhythm.backoff, entry.interval))
        return TargetLoop(entry, self.roster, self.trees, self.board, slots, holding, pace, self.watcher, self.sharing)

    # --- the process

    async def start(self) -> None:
        """Open the states that are files of this machine: a second writer is refused before anything begins.

        Raises StateLocked, StateUnusable. A database elsewhere may be gone for a while, and is waited for.
        """
        seen: set[str] = set()
        for name, loop in self.loops.items():
            with suppress(InputError):
                target = self.roster.target(name)
                if target.state not in seen and not shared(target.state):
                    seen.add(target.state)
                    await loop.holding.open_store(target)

    async def run(self) -> None:
        """All loops, until each target's has been stopped; a loop that dies ends all of them with its error."""
        async with asyncio.TaskGroup() as tasks:
            endless = [tasks.create_task(self.trees.run()), tasks.create_task(self._heart())]
            endless.append(tasks.create_task(self.sharing.run()))
            async with asyncio.TaskGroup() as passes:
                for loop in self.loops.values():
                    passes.create_task(loop.run(), name=f"target {loop.entry.name}")
            for task in endless:
                task.cancel()

    def stop(self) -> None:
        """Begin nothing more; ``run`` ends when what is under way has ended."""
        for loop in self.loops.values():
            loop.stop()

    async def close(self) -> None:
        """Log out everywhere, give leases back, close everything."""
        ended = await asyncio.gather(*(loop.holding.close() for loop in self.loops.values()), return_exceptions=True)
        for error in ended:
            if isinstance(error, ReconcilerError):
                log.warning("a state wasn't closed properly", error=error.message)
        await self.follower.close()

    async def _heart(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(1.0)

    def _changed(self, names: list[str]) -> None:
        for name in names:
            self.loops[name].wake()

    # --- what may be asked: Control

    @property
    def feed(self) -> Feed:
        return self.board.feed

    @property
    def source(self) -> SourceState:
        return self.board.source

    @property
    def targets(self) -> Mapping[str, TargetState]:
        return self.board.targets

    @property
    def ready(self) -> bool:
        looked = (one.checked_at is not None or one.phase is Phase.STANDBY for one in self.targets.values())
        return self.source.revision is not None and all(looked)

    def healthy(self) -> str | None:
        silent = time.monotonic() - self._beat
        return None if silent < STUCK else f"the event loop hasn't turned for {silent:.0f} s"

    def wake(self, target: str | None = None, *, by: str = "") -> None:
        loops = self.loops.values() if target is None else [self._known(target)]
        if target is None:
            self.trees.wake()
        if by:
            self.feed.tell("woken", target, by=by)
            for loop in loops:
                loop.wake(everything=True)
                self._pass_on(loop, by)

    def _pass_on(self, loop: TargetLoop, by: str) -> None:
        """The replica that has the target finds the order in the state."""
        if loop.store is not None and loop.store.shared and not loop.store.held:
            errand = asyncio.get_running_loop().create_task(record_order(loop.store, AT_ONCE, by, ""))
            self._errands.add(errand)
            errand.add_done_callback(self._done)

    def _done(self, errand: asyncio.Task[None]) -> None:
        self._errands.discard(errand)
        if not errand.cancelled() and (error := errand.exception()) is not None:
            log.warning("an order couldn't be passed on", error=getattr(error, "message", type(error).__name__))

    async def plan(self, files: Sequence[SourceFile], targets: Sequence[str] = ()) -> list[Plan]:
        for name in targets:
            self._known(name)
        loaded = await asyncio.to_thread(self.trees.load_other, files)
        names = list(targets) or [name for name, share in loaded.items() if share.desired.resources]
        if not names:
            raise InputError("there is no document in these files", remedy="send the whole tree of desired state")
        return list(await asyncio.gather(*(self._plan(name, loaded[name]) for name in names)))

    async def _plan(self, name: str, loaded: Loaded) -> Plan:
        holding, target = self.loops[name].holding, self.roster.target(name)
        async with self._asking, self.loops[name].slots.taken(), holding.reading(target, loaded) as case:
            return (await decide(case)).plan

    async def _case(self, name: str, loaded: Loaded | None) -> Case:
        return await self.loops[name].holding.case(self.roster.target(name), loaded, renew=False)

    def history(self, target: str, limit: int = 100) -> list[PassRecord]:
        store = self._known(target).holding.store
        return store.history(limit) if store is not None else []

    def entries(self, target: str) -> list[EntryRecord]:
        store = self._known(target).holding.store
        return store.entries(open_only=True) if store is not None else []

    async def suspend(self, target: str, *, by: str, reason: str, until: float | None) -> None:
        suspension = Suspension(by, reason, time.time(), until)
        store = await self._store(target)
        await store.suspend(suspension)
        self.loops[target].halt()
        self.board.change(target, suspension=suspension)
        await self._ordered(target, store, "suspend", by, reason)

    async def resume(self, target: str, *, by: str) -> None:
        store = await self._store(target)
        await store.resume()
        self.board.change(target, suspension=None)
        await self._ordered(target, store, "resume", by, "")

    async def approve(self, target: str | None, digest: str, *, by: str) -> str:
        if target is not None:
            self._known(target)
        name = next((one for one in [target, *self.targets] if one and self._pending(one) == digest), None)
        if name is None or (target is not None and name != target):
            raise InputError(
                "no pending plan has this digest: it was carried out, or the live side or the documents have changed",
                remedy="look at the plan that is pending now, and approve that one",
            )
        store, now = await self._store(name), time.time()
        await store.approve(Approval(digest, by, now, now + APPROVED_FOR))
        self.board.change(name, approvals=(await store.standing(now)).approvals)
        await self._ordered(name, store, "approve", by, digest)
        return name

    def _pending(self, name: str) -> str | None:
        plan = self.targets[name].plan
        return plan.digest if plan is not None and plan.approvable else None

    async def adopt(self, target: str, kind: str, name: str, *, by: str, id: str | None = None) -> None:
        loop = self._known(target)
        async with loop.lock:
            case = await self._case(target, self.trees.share(target))
            await orders.adopt(case, kind, name, id)
        await self._ordered(target, loop.holding.opened, "adopt", by, f"{kind}/{name}")

    async def forget(self, target: str, kind: str, name: str, *, by: str) -> None:
        loop, store = self._known(target), await self._store(target)
        async with loop.lock:
            await orders.forget(store, kind, name)
        await self._ordered(target, store, "forget", by, f"{kind}/{name}")

    async def resolve(self, target: str, entry: int, ending: Ending, *, by: str) -> None:
        loop, store = self._known(target), await self._store(target)
        system = self.roster.target(target).system
        async with loop.lock:
            await orders.resolve(store, system, entry, ending, by)
        await self._ordered(target, store, "resolve", by, f"#{entry} {ending}")

    async def _ordered(self, target: str, store: Store, order: str, by: str, words: str) -> None:
        self.feed.tell("ordered", target, order=order, by=by, words=words)
        await record_order(store, order, by, words)
        self.loops[target].wake()

    async def _store(self, target: str) -> Store:
        loop = self._known(target)
        return await loop.holding.open_store(self.roster.target(target))

    def _known(self, name: str) -> TargetLoop:
        if name not in self.loops:
            raise UnknownTarget(f"there is no target {name!r}.{suggest(name, self.loops)}")
        return self.loops[name]
