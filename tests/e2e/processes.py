"""How tests run the command line: each command in a process of its own, forked from one that has it loaded.

Where a variable matters to Python's own start, and in the long tests, it is ``python -m reconciler``, as users have it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TypeAlias

from hypothesis import settings

WARNINGS = {"PYTHONWARNINGS": "default"}
HURRIED = "TESTS_IN_A_HURRY"
"""A variable with which a forked command doesn't wait half a minute for what a killed one has sent."""
PYTHONS_OWN = ("COVERAGE_", "LANG", "LC_", "LD_", "PYTHON", "TZ")
"""Variables that matter before any of our code runs: with other values, a command needs a Python of its own."""


@dataclass(frozen=True)
class Ended:
    """A command's exit code (negative: the signal that ended it), and what it wrote."""

    code: int
    out: bytes
    err: bytes


@dataclass
class Forked:
    """A command that was forked: what tests use of a ``Popen``, with the same meaning."""

    args: list[str]
    wire: socket.socket = field(repr=False)
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None
    returncode: int | None = None

    def __post_init__(self) -> None:
        self.pid = self._number()

    def _number(self) -> int:
        """What the preloaded process tells: first the process's id, and in the end its exit code."""
        told = self.wire.recv(4, socket.MSG_WAITALL)
        assert told, "the preloaded process has ended"
        return int(struct.unpack("!i", told)[0])

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self.wire.settimeout(timeout)
            try:
                self.returncode = self._number()
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
            self.wire.close()
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        texts = {1: b"", 2: b""}

        def read(number: int, stream: IO[bytes] | None) -> None:
            if stream is not None and not stream.closed:
                with stream:
                    texts[number] = stream.read()

        readers = [threading.Thread(target=read, args=one) for one in ((1, self.stdout), (2, self.stderr))]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return texts[1], texts[2]


Process: TypeAlias = "subprocess.Popen[bytes] | Forked"


def run(args: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes, seconds: float) -> Ended:
    """Run the command line, and wait. Raises TimeoutExpired."""
    if _needs_own_python(env):
        command = [sys.executable, "-m", "reconciler", *args]
        done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, timeout=seconds, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process = _preloaded().fork(args, cwd, env, [file.fileno() for file in (given, out, err)])
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        out.seek(0)
        err.seek(0)
        return Ended(code, out.read(), err.read())


def start(args: Sequence[str], cwd: Path, env: Mapping[str, str], *, reads_output: bool = True) -> Process:
    """Start the command line, with nothing on standard input; standard error, and output if it is read, are pipes."""
    if _needs_own_python(env):
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *args],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if reads_output else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    nothing = os.open(os.devnull, os.O_RDWR)
    out, into_out = os.pipe() if reads_output else (None, nothing)
    err, into_err = os.pipe()
    try:
        process = _preloaded().fork(args, cwd, env, [nothing, into_out, into_err])
    finally:
        for file in {nothing, into_out, into_err}:
            os.close(file)
    process.stdout = os.fdopen(out, "rb") if out is not None else None
    process.stderr = os.fdopen(err, "rb")
    return process


def _needs_own_python(env: Mapping[str, str]) -> bool:
    return settings.get_current_profile_name() == "long" or _pythons(env) != _pythons({**os.environ, **WARNINGS})


def _pythons(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(PYTHONS_OWN)}


class Preloaded:
    """A process that forks commands; it ends with this one. Several threads may ask it at once."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._turn = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.preloaded", str(theirs.fileno())],
                cwd=Path(__file__).parent.parent.parent,
                env={**os.environ, **WARNINGS},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._control.close()
        self._process.wait()

    def fork(self, args: Sequence[str], cwd: Path, env: Mapping[str, str], files: list[int]) -> Forked:
        """A command with these files as its first three."""
        ours, theirs = socket.socketpair()
        with theirs, self._turn:
            socket.send_fds(self._control, [b"!"], [theirs.fileno(), *files])
        ours.sendall(json.dumps({"args": list(args), "cwd": str(cwd), "env": dict(env)}).encode())
        ours.shutdown(socket.SHUT_WR)
        return Forked(list(args), ours)


_preloaded = cache(Preloaded)
