"""What the pages show of the daemon, recorded as the rest is: it runs for real, and is asked as its users ask it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from scripts.docs_outputs import Stage

TOKEN = "a-token-of-the-docs"  # noqa: S105 - made up
COOKIE = """apiVersion: metadefender/v1
kind: SessionCookie
metadata: {{name: console}}
spec: {{samesite: {samesite}}}
"""
SECONDS = 60.0
SHOWN = "http://127.0.0.1:8080"
"""The address that pages show: its usual one."""


class Daemon:
    """``reconciler run`` on a terminal of its own; what it says there, and its address."""

    def __init__(self, stage: Stage, line: str) -> None:
        ours, its = os.openpty()
        environment = stage.environment() | {"RECONCILER_OPERATE_TOKEN": TOKEN, "RECONCILER_LISTEN": "127.0.0.1:0"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *line.split()],
            cwd=stage.folder,
            env=environment | {"NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        self._terminal, self._said = ours, bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with os.fdopen(self._terminal, "rb", buffering=0) as terminal:
            try:
                while data := terminal.read(65536):
                    self._said += data
            except OSError:
                pass  # its end is closed

    @property
    def said(self) -> str:
        """All that it has said."""
        return self._said.decode().replace("\r\n", "\n")

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        until(lambda: "url=http" in self.said or self._process.poll() is not None)
        assert "url=http" in self.said, self.said
        return self.said.partition("url=")[2].split()[0]

    def target(self, name: str = "default") -> dict[str, object]:
        """What it knows of a target."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.get(f"{self.url}/api/v1/targets/{name}", headers=headers, trust_env=False)
        return dict(answer.raise_for_status().json())

    def becomes(self, verdict: str) -> None:
        """Wait for a verdict."""
        until(lambda: self.target()["verdict"] == verdict)

    def end(self) -> str:
        """Stop it as a user does; all that it has said."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(SECONDS) == 0, self.said
        self._reader.join(SECONDS)
        return self.said

    def kill(self) -> None:
        """It must not outlive what went wrong."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(SECONDS)


@contextmanager
def daemon(stage: Stage, line: str) -> Iterator[Daemon]:
    """Run it for the block; what it said is recorded."""
    running = Daemon(stage, line)
    try:
        yield running
        url = running.url
        stage.keep(line, running.end().replace(url, SHOWN))
    except BaseException:
        print(running.said, file=sys.stderr)
        raise
    finally:
        running.kill()


def until(look: Callable[[], object]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < deadline, f"it doesn't come about: {look}"
        time.sleep(0.05)


def a_saved_file(stage: Stage) -> None:
    """A directory is followed: what is saved is applied, and what is changed by hand is put right."""
    stage.write("desired-state/console.yaml", COOKIE.format(samesite="Lax"))
    with daemon(stage, "run desired-state --interval 3s") as running:
        running.becomes("converged")
        stage.write("desired-state/console.yaml", COOKIE.format(samesite="Strict"))
        until(lambda: running.said.count("verdict=converged") == 1)
        stage.emulator.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
        until(lambda: running.said.count("verdict=converged") == 2)


def orders(stage: Stage) -> None:
    """What people ask of a daemon: an approval, a suspension."""
    stage.write(
        "desired-state/workers.yaml", (stage.folder / "examples/desired-state/workers.yaml").read_text(encoding="utf-8")
    )
    stage.write("secrets/worker-key", "made-up\n")
    with daemon(stage, "run desired-state --prune") as running:
        asking = stage.asking(running.url, TOKEN)
        running.becomes("converged")
        text = (stage.folder / "desired-state/workers.yaml").read_text(encoding="utf-8")
        stage.write("desired-state/workers.yaml", text.partition("---\n")[0])
        running.becomes("blocked")
        for line in ("status", "plan desired-state --out plan.json", "approve plan.json"):
            asking.run(line)
        running.becomes("converged")
        until(lambda: running.target()["approvals"] == [])
        asking.run("history")
        asking.run('suspend --reason "the cluster is moved" --for 2h')
        running.becomes("suspended")
        asking.run("status")
        asking.run("resume")
