"""A daemon in a process of its own, as its users start it, and what can be asked of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from tests.e2e.kit import SECONDS, Desk, Result

T = TypeVar("T")
OPERATE = "canary-of-the-operator-0123456789"
READ = "canary-of-the-reader-0123456789"
PLAN = "canary-of-the-planner-0123456789"


def eventually(look: Callable[[], T], seconds: float = 30, pause: float = 0.02) -> T:
    """What ``look`` gives, as soon as it is true; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {look}"
        time.sleep(pause)


@dataclass
class Daemon:
    """A running daemon; ``lines`` are its log's events so far."""

    desk: Desk
    process: subprocess.Popen[bytes]
    args: tuple[str, ...]
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode()
            self.raw.append(text)
            if text.startswith("{"):
                self.lines.append(json.loads(text))

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        eventually(lambda: self.said("listening") or self.process.poll() is not None)
        assert self.said("listening"), "".join(self.raw)
        return str(self.said("listening")[0]["url"])

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The log's events of that name, with these fields."""
        return [one for one in list(self.lines) if one["event"] == event and fields.items() <= one.items()]

    def ask(self, method: str, path: str, token: str = OPERATE, **more: Any) -> httpx.Response:
        """One request to its HTTP side."""
        headers = {"authorization": f"Bearer {token}"}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, trust_env=False, **more)

    def target(self, name: str = "default") -> dict[str, Any]:
        found = self.ask("GET", f"/api/v1/targets/{name}")
        assert found.status_code == 200, found.text
        return dict(found.json())

    def becomes(self, verdict: str, name: str = "default", seconds: float = SECONDS) -> dict[str, Any]:
        """The target, once its verdict is this one."""
        return eventually(lambda: one if (one := self.target(name))["verdict"] == verdict else None, seconds)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, code: int = 0, seconds: float = SECONDS) -> float:
        """Tell it to stop, and wait; gives the seconds that it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(seconds) == code, "".join(self.raw)
        took = time.monotonic() - started
        self.over()
        return took

    def over(self) -> None:
        """It has ended: what it said is looked at like every command's words."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._reader.join(10)
        if self.process.stderr is not None and not self.process.stderr.closed:
            self.process.stderr.close()
        if not any(one.err for one in self.desk.said if one.args == self.args):
            self.desk.said.append(Result(self.args, self.process.returncode, "", "".join(self.raw)))


def start(desk: Desk, *args: str, env: Mapping[str, str] | None = None, interval: str = "1s") -> Daemon:
    """``reconciler run desired-state``, or with other arguments; on a free port, with three tokens."""
    source = args if any(one in args for one in ("--git",)) or (args and not args[0].startswith("-")) else ("desired-state", *args)
    command = ("run", *source, "--listen", "127.0.0.1:0", "--interval", interval)
    desk.canaries |= {OPERATE, READ, PLAN}
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *command],
        cwd=desk.folder,
        env={
            **os.environ,
            **desk.env,
            "RECONCILER_OPERATE_TOKEN": OPERATE,
            "RECONCILER_READ_TOKEN": READ,
            "RECONCILER_PLAN_TOKEN": PLAN,
            **(env or {}),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    return Daemon(desk, process, command)


@contextmanager
def running(desk: Desk, *args: str, env: Mapping[str, str] | None = None, interval: str = "1s") -> Iterator[Daemon]:
    """The same, stopped in the end if the test hasn't."""
    daemon = start(desk, *args, env=env, interval=interval)
    try:
        yield daemon
        if daemon.process.poll() is None:
            daemon.stop()
    finally:
        daemon.over()
        sys.stderr.write("".join(daemon.raw))  # shown with a test that fails
