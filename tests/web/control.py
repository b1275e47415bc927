"""A daemon in memory: it plans for real, against pictures of servers, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from reconciler.daemon.events import Feed
from reconciler.daemon.state import Health, Mode, ObjectState, SourceState, Sync, TargetState
from reconciler.errors import InputError, InvalidTree, UnknownTarget
from reconciler.load import load
from reconciler.model import SourceFile
from reconciler.steps import Plan
from reconciler.store.records import Approval, Ending, Entry, EntryRecord, PassRecord, PassStart, Suspension
from reconciler.validate import validate
from tests.systems import kit

NOW = 1_767_323_045.25  # 2026-01-02T03:04:05.250Z
DAY = 86400.0


class MemoryControl:
    """Two targets: ``prod`` has a pending plan and everything that a target can have, ``lab`` was never looked at.

    ``asked`` is what was called, with its arguments. ``trouble`` is raised by whatever is awaited or blocks, and
    ``slow`` is how long that takes, in seconds.
    """

    def __init__(self) -> None:
        self.feed = Feed()
        self.ready = True
        self.stuck: str | None = None
        self.asked: list[tuple[Any, ...]] = []
        self.trouble: Exception | None = None
        self.slow = 0.0
        self.stubborn = False
        self.planning = 0
        self.source = SourceState("https://git.example/desired.git", "abc123", "abc123", None, (), NOW, NOW - DAY)
        self._targets = {"prod": prod(), "lab": TargetState("lab", "metadefender", "https://lab.example")}

    @property
    def targets(self) -> Mapping[str, TargetState]:
        return dict(self._targets)

    def healthy(self) -> str | None:
        return self.stuck

    def wake(self, target: str | None = None, *, by: str = "") -> None:
        self.asked.append(("wake", target, by))

    async def plan(self, files: Sequence[SourceFile], targets: Sequence[str] = ()) -> list[Plan]:
        self.asked.append(("plan", tuple(file.name for file in files), tuple(targets)))
        for name in targets:
            self._known(name)
        self.planning += 1
        try:
            await self._meddle()
            return [await asyncio.to_thread(planned, name, files) for name in targets or self._targets]
        finally:
            self.planning -= 1

    def history(self, target: str, limit: int = 100) -> list[PassRecord]:
        self._hinder()
        start = PassStart(NOW - 60, "enforce", "abc123", "sha256:" + "0" * 64)
        outcomes = ({"id": "create/Role/r", "status": "done", "attempts": 1},)
        done = PassRecord(2, start, NOW - 55, "converged", {"create": 1}, outcomes)
        cut = PassRecord(1, PassStart(NOW - 90), None, None, {}, ())
        return [done, cut][:limit] if target == "prod" else []

    def entries(self, target: str) -> list[EntryRecord]:
        self._hinder()
        objects = (("User", ("LOCAL", "alice")),)
        moves = ("create/User/alice",)
        entry = Entry(2, "createUser", "POST", "/admin/user", "create", moves, objects, ("User/alice",), NOW)
        return [EntryRecord(7, entry, "unknown", "the connection was lost", "", None)] if target == "prod" else []

    async def suspend(self, target: str, *, by: str, reason: str, until: float | None) -> None:
        await self._act("suspend", target, by, reason, until)
        self._change(target, suspension=Suspension(by, reason, time.time(), until))

    async def resume(self, target: str, *, by: str) -> None:
        await self._act("resume", target, by)
        self._change(target, suspension=None)

    async def approve(self, target: str | None, digest: str, *, by: str) -> str:
        await self._act("approve", target, digest, by)
        for state in self._targets.values() if target is None else [self._known(target)]:
            if state.plan is not None and state.plan.digest == digest:
                self._change(state.name, approvals=(Approval(digest, by, time.time(), time.time() + DAY),))
                return state.name
        raise InputError("no pending plan has this digest", remedy="look at the pending plan again")

    async def adopt(self, target: str, kind: str, name: str, *, by: str, id: str | None = None) -> None:
        await self._act("adopt", target, kind, name, by, id)
        self._find(target, kind, name)

    async def forget(self, target: str, kind: str, name: str, *, by: str) -> None:
        await self._act("forget", target, kind, name, by)
        self._find(target, kind, name)

    async def resolve(self, target: str, entry: int, ending: Ending, *, by: str) -> None:
        await self._act("resolve", target, entry, ending, by)
        if entry not in {one.id for one in self.entries(target)}:
            raise InputError(f"there is no entry {entry}")

    async def _act(self, *asked: Any) -> None:
        self.asked.append(asked)
        await self._meddle()

    async def _meddle(self) -> None:
        while True:
            try:
                await asyncio.sleep(self.slow)
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
            else:
                break
        self._hinder()

    def _hinder(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def _known(self, name: str) -> TargetState:
        if name not in self._targets:
            raise UnknownTarget(f"there is no target {name}")
        return self._targets[name]

    def _change(self, name: str, **changed: Any) -> None:
        self._targets[name] = replace(self._known(name), **changed)
        self.feed.tell("target-changed", name, phase=self._targets[name].phase.value)

    def _find(self, target: str, kind: str, name: str) -> None:
        if not any((one.kind, one.name) == (kind, name) for one in self._known(target).objects):
            raise InputError(f"there is no {kind}/{name}")


def prod() -> TargetState:
    """A target with something in every field."""
    return TargetState(
        name="prod",
        system="metadefender",
        url="https://center.example:8892",
        mode=Mode.ENFORCE,
        verdict="blocked",
        error="2 steps are held back",
        remedy="approve the plan",
        revision="abc123",
        pass_id="p-1",
        plan=planned("prod", kit.tree(kit.role("analyst", {"users": ["read"]}), kit.user("alice", "analyst"))),
        objects=(
            ObjectState("Role", "analyst", Sync.PENDING, Health.MISSING, "not there yet", ""),
            ObjectState("User", "alice", Sync.BLOCKED, Health.UNKNOWN, "waits for its role", ""),
            ObjectState("Worker", "w1", Sync.SYNCED, Health.HEALTHY, "", "Available"),
        ),
        checked_at=NOW,
        succeeded_at=NOW - 60,
        next_at=NOW + 60,
        failures=1,
        holder="replica-2",
        window="closed until 22:00",
        suspension=Suspension("ops", "maintenance", NOW - 5, NOW + 3600),
        approvals=(Approval("sha256:" + "a" * 64, "ops", NOW, NOW + DAY),),
    )


def planned(target: str, files: Sequence[SourceFile]) -> Plan:
    """The plan of a tree for an empty server. Raises InvalidTree with each problem."""
    documents, problems = load(files)
    wanted, more = validate(documents, kit.SYSTEM)
    if problems or more:
        raise InvalidTree(sorted({*problems, *more}))
    return replace(kit.plan(kit.view(wanted=wanted)), target=target)
