"""The processes that are measured: a daemon with many targets and their worlds, each by itself, and what they take."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.tree import lay_out
from benchmarks.worlds import TOLD

TOKEN = "a-token-of-the-benchmark"  # noqa: S105 - made up
MIB = 1024 * 1024
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the start, resident bytes, open descriptors, threads."""

    at: float
    cpu: float
    rss: int
    descriptors: int
    threads: int


def usage(process: psutil.Process) -> Usage:
    """What a process takes right now."""
    with process.oneshot():
        times = process.cpu_times()
        rss, threads = process.memory_info().rss, process.num_threads()
    return Usage(time.monotonic(), times.user + times.system, rss, process.num_fds(), threads)


@dataclass
class Running:
    """A daemon and its worlds, under way; `log` is the daemon's own words."""

    daemon: subprocess.Popen[str]
    worlds: str
    count: int
    log: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.process = psutil.Process(self.daemon.pid)
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(120), "".join(self.log)
        assert self.url, "".join(self.log)

    def _read(self) -> None:
        assert self.daemon.stderr is not None
        for line in self.daemon.stderr:
            self.log.append(line)
            if '"listening"' in line:
                self.url = json.loads(line)["url"]
                self._ready.set()
        self._ready.set()

    def usage(self) -> Usage:
        """What the daemon takes right now."""
        return usage(self.process)

    def ask(self, method: str, path: str) -> Any:
        """One request to the daemon; the JSON of its answer."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.request(method, self.url + path, headers=headers, timeout=120, trust_env=False)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def targets(self) -> list[dict[str, Any]]:
        """Each target's state."""
        found: list[dict[str, Any]] = self.ask("GET", "/api/v1/targets")["items"]
        return found

    def told(self) -> dict[str, int]:
        """How many requests the worlds had, and how many of their rules were broken."""
        found: dict[str, int] = httpx.get(self.worlds + TOLD, timeout=120, trust_env=False).json()
        return found

    def requests(self) -> int:
        """How many requests the worlds had: looking here takes nothing from the daemon."""
        return self.told()["requests"]

    def until_requests(self, number: int, seconds: float) -> None:
        """Wait until the worlds have had so many requests."""
        deadline = time.monotonic() + seconds
        while self.requests() < number:
            assert self.daemon.poll() is None, "".join(self.log[-20:])
            assert time.monotonic() < deadline, f"{self.requests()} of {number} requests within {seconds} s"
            time.sleep(0.05)

    def until_converged(self, seconds: float) -> None:
        """Wait until every target's last pass left nothing to do."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.targets()
            left = [one for one in found if one["verdict"] != "converged"]
            if not left:
                return
            assert time.monotonic() < deadline, f"{len(left)} of {len(found)} aren't converged, as {left[0]}"
            time.sleep(2)


@contextmanager
def serving(folder: Path, count: int) -> Iterator[str]:
    """The worlds of so many targets in a process of their own, beside a tree and a configuration; gives their URL."""
    kept = folder / "worlds"
    kept.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.worlds", str(count), str(kept), str(_port(folder))]
    worlds = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert worlds.stdout is not None
    try:
        url = worlds.stdout.readline().strip()
        lay_out(folder, count, url)
        yield url
    finally:
        worlds.terminate()
        worlds.wait(120)
        worlds.stdout.close()


@contextmanager
def running(folder: Path, count: int, *flags: str) -> Iterator[Running]:
    """A daemon over so many targets, in a folder that keeps their state; logged out and stopped in the end."""
    with serving(folder, count) as url, _daemon(folder, flags) as daemon:
        yield Running(daemon, url, count)


@contextmanager
def _daemon(folder: Path, flags: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    command = ["-m", "reconciler", "run", "tree", "--config", "reconciler.yaml", "--listen", "127.0.0.1:0", *flags]
    env = {**os.environ, "RECONCILER_OPERATE_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, *command], cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _port(folder: Path) -> int:
    """The same port each time: the state remembers each target's URL."""
    file = folder / "port"
    if not file.exists():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            file.write_text(str(free.getsockname()[1]))
    return int(file.read_text())
