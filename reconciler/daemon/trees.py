"""The desired state in force: the newest tree that is sound. One that isn't changes nothing, and is told."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from random import Random

import structlog

from reconciler.daemon.board import Board
from reconciler.daemon.following import Follower
from reconciler.daemon.pace import Pace
from reconciler.daemon.roster import Roster
from reconciler.errors import InputError, InvalidTree, ReconcilerError, SourceUnavailable
from reconciler.load import Parsed
from reconciler.model import SourceFile
from reconciler.sources import Tree
from reconciler.trees import Loaded, load_shares

log = structlog.get_logger(__name__)

CALM = 1.0
"""Seconds after which the first passes on a new tree have begun to write: nothing shall delay them."""


class Trees:
    """Reads the source again and again. ``changed`` is called with the names of the targets whose share is new."""

    def __init__(self, follower: Follower, roster: Roster, board: Board, changed: Callable[[list[str]], None]) -> None:
        self._follower = follower
        self._roster = roster
        self._board = board
        self._changed = changed
        self._pace = Pace(follower.interval, max(follower.interval, 120.0))
        self._wanted = asyncio.Event()
        self._shares: dict[str, Loaded] = {}
        self._parsed = Parsed()
        self._seen: str | None = None
        self._failures = 0
        self._chance = Random()  # noqa: S311 - spreads load, guards nothing

    def share(self, name: str) -> Loaded | None:
        """The share of a target; None while no tree was ever sound."""
        return self._shares.get(name)

    def wake(self) -> None:
        """Look again soon. Many calls in a row make one look."""
        self._wanted.set()

    async def run(self) -> None:
        """Look, and wait for a change or for time to pass; ends only by being cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.watch(self.wake))
            while True:
                self._wanted.clear()
                await self.look()
                await self._rest()

    async def _rest(self) -> None:
        failed = self._failures > 0
        wait = self._pace.after_failures(self._failures, self._chance) if failed else self._pace.interval
        try:
            async with asyncio.timeout(wait):
                await self._wanted.wait()
        except TimeoutError:
            pass

    async def look(self) -> None:
        """Read the newest tree, and put it in force if it is sound."""
        try:
            tree = await self._follower.newest()
            if tree.revision == self._seen and self._board.source.error is None:
                self._board.change_source(read_at=time.time())
            else:
                await self._take(tree)
        except ReconcilerError as error:
            self._failures += 1
            await self._fall_back(error)
        except OSError as error:
            # A full disk, or too many open files: it may pass.
            self._failures += 1
            await self._fall_back(SourceUnavailable(f"the source can't be read: {error.strerror or error}"))
        else:
            self._failures = 0

    async def _take(self, tree: Tree) -> None:
        self._seen = tree.revision
        now = time.time()
        try:
            loaded = await asyncio.to_thread(self._load, tree, self._parsed)
        except InvalidTree as error:
            log.warning(
                "the newest tree isn't sound", revision=tree.revision, problems=[str(p) for p in error.problems][:20]
            )
            self._board.change_source(seen=tree.revision, error=None, problems=error.problems, read_at=now)
            await self._fall_back(None)
            return
        except InputError as error:
            log.warning("the newest tree can't be used", revision=tree.revision, error=error.message)
            self._board.change_source(seen=tree.revision, error=error.message, problems=(), read_at=now)
            await self._fall_back(None)
            return
        if self._loses(loaded) and not await self._stays(tree):
            self._seen = None
            self.wake()
            return
        kept = self._keep_shares(loaded)
        if kept is None:
            await self._follower.accept(tree)
        self._enforce(tree, loaded)
        self._board.change_source(seen=tree.revision, error=kept, problems=(), read_at=now)

    def _loses(self, loaded: dict[str, Loaded]) -> bool:
        """Whether a document that is in force is missing, so that something may be deleted."""
        return any(
            share.desired.resources.keys() - loaded[name].desired.resources.keys()
            for name, share in self._shares.items()
            if name in loaded
        )

    async def _stays(self, tree: Tree) -> bool:
        """Whether the tree is still the same after a while."""
        if not self._follower.patience:
            return True
        await asyncio.sleep(self._follower.patience)
        return (await self._follower.newest()).revision == tree.revision

    def _keep_shares(self, loaded: dict[str, Loaded]) -> str | None:
        """A target whose documents have all gone keeps those that it had; what is to be told of it."""
        emptied = [
            name
            for name, share in self._shares.items()
            if share.desired.resources and name in loaded and not loaded[name].desired.resources
        ]
        for name in emptied:
            loaded[name] = self._shares[name]
        if not emptied:
            return None
        return f"no document is left for {', '.join(emptied)}: an empty tree is never enforced, the last ones stay"

    def _load(self, tree: Tree, parsed: Parsed | None = None) -> dict[str, Loaded]:
        targets = self._roster.described()
        sound = self._shares if parsed is not None else {}
        shares = load_shares(tree, targets, self._roster.claims, parsed, sound)
        return dict(zip((one.name for one in targets), shares, strict=True))

    def _enforce(self, tree: Tree, loaded: dict[str, Loaded]) -> None:
        before, self._shares = self._shares, loaded
        new = [name for name, share in loaded.items() if not _same(before.get(name), share)]
        if tree.revision != self._board.source.revision:
            log.info("a tree is in force", revision=tree.revision, files=len(tree.files), targets=len(new))
            self._board.change_source(revision=tree.revision, changed_at=time.time())
        self._changed(new)
        asyncio.get_running_loop().call_later(CALM, _keep)

    async def _fall_back(self, error: ReconcilerError | None) -> None:
        """What is in force stays; a process that has just begun takes up what an earlier one had accepted."""
        if error is not None:
            log.warning("the source can't be read", where=self._follower.where, error=error.message)
            self._board.change_source(error=error.message, read_at=time.time())
        if self._shares:
            return
        try:
            tree = await self._follower.last_good()
            if tree is not None:
                self._enforce(tree, await asyncio.to_thread(self._load, tree))
        except ReconcilerError as failure:
            log.warning("the last good tree can't be used either", error=failure.message)

    def load_other(self, files: Sequence[SourceFile]) -> dict[str, Loaded]:
        """The shares of a tree that somebody else brings along. Raises InvalidTree. Blocks."""
        return self._load(Tree(tuple(sorted(files, key=lambda file: file.name)), "", None))


def _keep() -> None:
    # What is in force lives long. The collector of garbage need not look at it each time, and comes more often then:
    # with a thousand targets, passes leave tens of megabytes behind otherwise.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _same(before: Loaded | None, after: Loaded) -> bool:
    return before is not None and before.desired.resources == after.desired.resources and before.files == after.files
