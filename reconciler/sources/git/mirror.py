"""The copy on disk: a bare repository of ours that survives being killed, shared, or damaged.

Whoever writes holds a lock of the operating system, which every git that it starts inherits. So holding it means that
no git is at work on the mirror any more, not even one whose parent was killed, and what such a one left can go.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

from reconciler.errors import SourceUnavailable
from reconciler.sources.git.failures import may_be_damage, told_words
from reconciler.sources.git.process import Git

REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

PRIVATE = "private-"
"""How the names of folders begin in which a call of git finds what nobody else may read."""

_POLL = 0.05


class Damaged(Exception):
    """The mirror isn't what git left there; the text says how git noticed."""


class Mirror:
    """``home`` is the folder that it lies in; ``key`` tells apart what is followed with the same folder."""

    def __init__(self, home: Path, key: str, timeout: float) -> None:
        self.home = Path(os.path.abspath(home))
        self.git = Git(self.home / "mirror.git", timeout)
        name = sha256(key.encode(errors="surrogateescape")).hexdigest()[:16]
        self.head_ref = f"refs/reconciler/{name}/head"
        self.good_ref = f"refs/reconciler/{name}/good"
        self.baseline: str | None = None  # the last good revision of a mirror that had to be thrown away

    @property
    def exists(self) -> bool:
        return self.git.directory.is_dir()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Git]:
        """git, while nobody else writes; what a killed one left is gone. Raises SourceUnavailable."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            await self._locked(lock)
            self._tidy()
            yield self.git.having(passed=[lock])
        finally:
            os.close(lock)

    async def make(self, git: Git, form: str) -> None:
        """A new, empty mirror in place of whatever there is; ``form`` is ``sha1`` or ``sha256``."""
        ready = self.home / "mirror.git.new"
        try:
            for folder in (ready, self.git.directory):
                if folder.exists():
                    await asyncio.to_thread(shutil.rmtree, folder)
        except OSError as error:
            raise self._unusable(error) from None
        arguments = ("init", "--quiet", "--bare", "--template=", f"--object-format={form}", str(ready))
        result = await git.run(*arguments, bare=False)
        if result.code:
            raise SourceUnavailable(f"no mirror can be made in {self.home}: {told_words(result.words, [])}")
        os.chmod(ready, 0o700)
        ready.rename(self.git.directory)

    async def renew(self, git: Git, form: str = "sha1") -> None:
        """Throw a damaged mirror away; the last good revision is remembered until this process ends."""
        self.baseline = await self.read_ref(git, self.good_ref) or self.baseline
        await self.make(git, form)

    async def read_ref(self, git: Git, name: str) -> str | None:
        """What a ref says, whether or not there is such an object; None if there is no such ref."""
        result = await git.run("rev-parse", "--verify", "--quiet", name)
        return result.text if result.code == 0 and REVISION.fullmatch(result.text) else None

    async def refs(self, git: Git) -> tuple[str, str | None]:
        """The newest and the last good revision. Raises Damaged."""
        result = await git.run("for-each-ref", "--format=%(refname) %(objectname)", self.head_ref, self.good_ref)
        found = dict(line.split(" ") for line in result.text.splitlines())
        if result.code or result.words or self.head_ref not in found:
            raise Damaged(told_words(result.words, []))
        return found[self.head_ref], found.get(self.good_ref)

    async def holds(self, git: Git, revision: str) -> bool:
        """Whether it has the commit."""
        return (await git.run("cat-file", "-e", f"{revision}^{{commit}}")).code == 0

    async def is_sound(self, git: Git, words: str) -> bool:
        """Whether git's words (about a failure) are no sign of damage, or turn out not to be."""
        if not may_be_damage(words):
            return True
        result = await git.run("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        return result.code == 0

    async def collect(self, git: Git) -> None:
        """Let git pack what has gathered, now and then; it isn't important that it succeeds."""
        with suppress(SourceUnavailable):
            await git.run("gc", "--auto", "--quiet")

    async def _locked(self, lock: int) -> None:
        deadline = time.monotonic() + self.git.timeout
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    message = f"the mirror in {self.home} has been in use by another process for too long"
                    raise SourceUnavailable(message, remedy="give each process a mirror of its own") from None
            else:
                return
            await asyncio.sleep(_POLL)

    def _tidy(self) -> None:
        for path in _left_over(self.git.directory):
            try:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            except OSError as error:
                raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> SourceUnavailable:
        return SourceUnavailable(
            f"the mirror in {self.home} can't be used: {error.strerror}", remedy="check the folder and its permissions"
        )


def _left_over(directory: Path) -> Iterator[Path]:
    """Locks, parts of packs, and credentials of a git that was killed."""
    yield from directory.parent.glob(f"{PRIVATE}*")
    for pattern in ("*.lock", "gc.pid", "refs/**/*.lock", "objects/info/**/*.lock", "objects/tmp_*"):
        yield from directory.glob(pattern)
    for pattern in ("tmp_*", "*.lock", "*.keep", ".tmp-*"):
        yield from (directory / "objects/pack").glob(pattern)
