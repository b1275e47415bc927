"""Runs git: nothing of its surroundings reaches it, and it ends in time, with everything that it started."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.errors import InputError, SourceUnavailable
from reconciler.load.limits import MAX_FILE_BYTES

MAX_OUTPUT = 1024 * 1024
"""Bytes of an answer that is kept whole; lists and contents are streamed."""

_MAX_WORDS = 64 * 1024
_CHUNK = 256 * 1024
_PARTING = 5.0

_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    f"core.bigFileThreshold={MAX_FILE_BYTES + 1}",  # larger ones are refused, so git needn't hold them in memory
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    "protocol.version=2",
    "credential.helper=",
    "http.followRedirects=false",
    "http.sslVerify=true",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
    "submodule.recurse=false",
    "gc.autoDetach=false",
    "gc.pruneExpire=1.day.ago",
    "maintenance.auto=false",
)

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": os.devnull,  # curl would look for a .netrc there
    "LC_ALL": "C",
}


class Result(Struct, frozen=True):
    """How a call ended: git's exit code, its answer, and its words on standard error (both bounded)."""

    code: int
    out: bytes
    words: str

    @property
    def text(self) -> str:
        return self.out.decode(errors="replace").strip()


class Git(Struct, frozen=True):
    """The git command for one mirror. ``timeout`` is in seconds and for one call; ``passed`` are descriptors that git
    and all that it starts inherit; ``running`` are the process groups at work, shared with all copies of this."""

    directory: Path
    timeout: float
    options: tuple[str, ...] = _OPTIONS
    environment: Mapping[str, str] = field(default_factory=lambda: _ENVIRONMENT)
    passed: tuple[int, ...] = ()
    running: set[int] = field(default_factory=set)

    def having(
        self, options: Iterable[str] = (), environment: Mapping[str, str] | None = None, passed: Iterable[int] = ()
    ) -> Git:
        """The same with more settings, variables and descriptors."""
        return replace(
            self,
            options=(*self.options, *options),
            environment={**self.environment, **(environment or {})},
            passed=(*self.passed, *passed),
        )

    async def run(self, *arguments: str, bare: bool = True) -> Result:
        """Run to the end. ``bare``: on the mirror. Raises SourceUnavailable (too slow), InputError (no git)."""
        async with self.started(*arguments, bare=bare) as process:
            assert process.stdout is not None
            out = await _up_to(process.stdout, MAX_OUTPUT)
            words = await process.words
            code = await process.wait()
        return Result(code, out, words)

    @asynccontextmanager
    async def started(self, *arguments: str, bare: bool = True, stdin: bool = False) -> AsyncIterator[Running]:
        """A running git, ended with everything that it started when the block is left. Raises as ``run``."""
        process = await self._spawn(arguments, bare, stdin)
        self.running.add(process.pid)
        try:
            async with asyncio.timeout(self.timeout):
                yield process
        except TimeoutError:
            what = arguments[0]
            raise SourceUnavailable(
                f"git {what} didn't finish within {self.timeout:g} s",
                remedy="see what the server is doing, or raise the timeout",
            ) from None
        finally:
            await process.ended()
            self.running.discard(process.pid)

    def kill(self) -> None:
        """End whatever is at work, at once."""
        for group in self.running:
            _kill(group)

    async def _spawn(self, arguments: tuple[str, ...], bare: bool, stdin: bool) -> Running:
        options = [word for option in self.options for word in ("-c", option)]
        where = [f"--git-dir={self.directory}"] if bare else []
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *where,
                *options,
                *arguments,
                stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", os.defpath), **self.environment},
                cwd="/",
                start_new_session=True,
                pass_fds=self.passed,
                limit=_CHUNK,
            )
        except FileNotFoundError:
            raise InputError("git isn't installed, or not on the PATH", remedy="install the package git") from None
        except OSError as error:
            raise SourceUnavailable(f"git can't be started: {error.strerror}") from None
        return Running(process)


class Running:
    """A running git: ``stdin``, ``stdout``, and ``words``, which gathers what it says on standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self.pid = process.pid
        self.stdin = process.stdin
        self.stdout = process.stdout
        self._stderr = process.stderr
        self.words = asyncio.create_task(_words(process.stderr))
        self._feeding: asyncio.Task[None] | None = None

    def feed(self, data: bytes) -> None:
        """Write to its standard input and close that, while the answer is read."""
        self._feeding = asyncio.create_task(self._feed(data))

    async def _feed(self, data: bytes) -> None:
        assert self.stdin is not None
        with suppress(ConnectionError):
            for start in range(0, len(data), _CHUNK):
                self.stdin.write(data[start : start + _CHUNK])
                await self.stdin.drain()
        self.stdin.close()

    async def records(self) -> AsyncIterator[bytes]:
        """Its answer, cut at NULs."""
        rest = b""
        while chunk := await self.stdout.read(_CHUNK):
            *records, rest = (rest + chunk).split(b"\0")
            for record in records:
                yield record
            if len(rest) > MAX_OUTPUT:
                raise InputError("the tree has a name that is longer than any file's may be", remedy="rename it")

    async def wait(self) -> int:
        """The exit code, once git has ended."""
        return await self._process.wait()

    async def ended(self) -> None:
        """Make sure that nothing is left: neither the process, nor its group, nor a pipe."""
        pipes = (self.stdout, self._stderr)
        if self._process.returncode is None or not all(pipe.at_eof() for pipe in pipes):
            _kill(self.pid)
        if self._feeding is not None:
            self._feeding.cancel()
        if self.stdin is not None:
            self.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PARTING):
                await self.words
                while await self.stdout.read(_CHUNK):
                    pass
                await self._process.wait()


async def _up_to(reader: asyncio.StreamReader, most: int) -> bytes:
    """The first bytes; the rest is read and forgotten, so that nobody waits for us."""
    found = bytearray()
    while chunk := await reader.read(_CHUNK):
        found += chunk[: most - len(found)]
    return bytes(found)


async def _words(reader: asyncio.StreamReader) -> str:
    return (await _up_to(reader, _MAX_WORDS)).decode(errors="replace")


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
