"""The two places that desired state comes from, as the daemon follows them: a directory, a branch of a repository."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

import structlog
from msgspec.structs import replace
from watchfiles import awatch

from reconciler.errors import InputError
from reconciler.settings import Claim
from reconciler.sources import Tree
from reconciler.sources.directory import SUFFIXES
from reconciler.sources.git import GitSource, Repository
from reconciler.trees import OWN_FILE, read_tree

log = structlog.get_logger(__name__)

QUIET = 0.1
"""Seconds for which a directory must not change before it is believed: files are written bit by bit."""
TRIES = 20
PATIENCE = 2.0
"""A file that is written slowly, or taken away and put back, looks for a while as if its documents were gone."""


class Follower(Protocol):
    """A source that changes. ``where`` is for people, without credentials; ``interval`` seconds between two looks."""

    where: str
    interval: float
    patience: float
    """Seconds for which documents that are missing all at once must stay missing before that is believed."""

    async def newest(self) -> Tree:
        """The tree as it is now, with a revision. Raises ReconcilerError."""

    async def last_good(self) -> Tree | None:
        """The tree that was accepted last, perhaps by an earlier process; None if that isn't known."""

    async def accept(self, tree: Tree) -> None:
        """The tree is sound, and will be enforced."""

    async def watch(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever something may have changed; ends only by being cancelled."""

    async def close(self) -> None: ...


class DirectoryFollower:
    """A directory, or one file. Its revision is a digest of its content."""

    patience = PATIENCE

    def __init__(self, path: str, everyone: Sequence[Claim], interval: float) -> None:
        self.where = os.path.abspath(path)
        self.interval = interval
        self._path = path
        self._everyone = everyone

    async def newest(self) -> Tree:
        """Read until two readings in a row are the same. Raises InputError."""
        before = await asyncio.to_thread(self._read)
        for _ in range(TRIES):
            await asyncio.sleep(QUIET)
            tree = await asyncio.to_thread(self._read)
            if tree.files == before.files:
                return replace(tree, revision=content_digest(tree))
            before = tree
        raise InputError(f"{self._path} doesn't stop changing", remedy="it is looked at again later")

    def _read(self) -> Tree:
        return read_tree(self._path, self._everyone)

    async def last_good(self) -> Tree | None:
        return None

    async def accept(self, tree: Tree) -> None:
        pass

    async def watch(self, wake: Callable[[], None]) -> None:
        """Watch as the operating system tells; where there is nothing to watch yet, the interval has to do."""
        while True:
            real = self._real()
            try:
                async for _ in awatch(*self._folders(), watch_filter=_matters, debounce=400, step=30, recursive=True):
                    wake()
                    if self._real() != real:
                        break  # a link to another folder by now, as git-sync makes them
                else:
                    await asyncio.sleep(self.interval)
            except (OSError, RuntimeError) as error:
                # It isn't there, which is told by whoever reads it; or the system can't watch as much as that.
                log.debug("the directory can't be watched", path=self._path, error=str(error))
                await asyncio.sleep(self.interval)

    def _real(self) -> str:
        return os.path.realpath(self._path)

    def _folders(self) -> list[str]:
        """The directory; also the one beside it, where a link may be swapped."""
        beside = os.path.dirname(os.path.abspath(self._path))
        if not os.path.isdir(self._path):
            return [beside]
        return [self._path, beside] if os.path.islink(self._path) else [self._path]

    async def close(self) -> None:
        pass


def _matters(change: object, path: str) -> bool:
    name = os.path.basename(path)
    # Directories and links have no suffix, and a mounted volume swaps its ``..data``.
    return "/.git/" not in path and (name.startswith("..") or os.path.splitext(name)[1] in ("", *SUFFIXES))


def content_digest(tree: Tree) -> str:
    """``sha256:<64 hex digits>`` over names and contents."""
    digest = sha256()
    for file in tree.files:
        digest.update(f"{file.name}\0{len(file.data)}\0".encode())
        digest.update(file.data)
    return f"sha256:{digest.hexdigest()}"


class GitFollower:
    """A branch; the server is asked each interval, and when its webhook calls.

    ``repository`` gives it with the credentials of the moment, which may be rotated.
    """

    patience = 0.0

    def __init__(self, repository: Callable[[], Repository], interval: float) -> None:
        self.interval = interval
        self._repository = repository
        self._current = repository()
        self._source = GitSource(self._current)
        self.where = self._source.where
        self._last: Tree | None = None

    async def newest(self) -> Tree:
        wanted = self._repository()
        if wanted != self._current:
            await self._source.close()
            self._current, self._source = wanted, GitSource(wanted)
        try:
            return await self._tree(await self._source.fetch())
        finally:
            for notice in self._source.take_notices():
                log.warning(notice, source=self.where)

    async def last_good(self) -> Tree | None:
        good = await self._source.good()
        return await self._tree(good) if good is not None else None

    async def accept(self, tree: Tree) -> None:
        assert tree.revision is not None
        await self._source.accept(tree.revision)

    async def watch(self, wake: Callable[[], None]) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._source.close()

    async def _tree(self, revision: str) -> Tree:
        if self._last is None or self._last.revision != revision:
            tree = await self._source.read(revision)
            self._last = replace(tree, files=tuple(one for one in tree.files if one.name != OWN_FILE))
        return self._last
