"""A daemon in a process of its own, as its users start it, and what can be asked of it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from reconciler.emulator.server import threaded
from tests.e2e import processes
from tests.e2e.kit import PASSWORD, SECONDS, Center, Desk, Result, duplicates, setup
from tests.e2e.processes import Process
from tests.emulator.center import Switch

T = TypeVar("T")
TLS = ssl.create_default_context()  # shared, as making one takes longer than a request
OPERATE = "canary-of-the-operator-0123456789"
READ = "canary-of-the-reader-0123456789"
PLAN = "canary-of-the-planner-0123456789"


def eventually(look: Callable[[], T | None], seconds: float = SECONDS, pause: float = 0.02) -> T:
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
    process: Process
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
        headers = {"authorization": f"Bearer {token}", **more.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, trust_env=False, verify=TLS, **more)

    def target(self, name: str = "default") -> dict[str, Any]:
        found = self.ask("GET", f"/api/v1/targets/{name}")
        assert found.status_code == 200, found.text
        return dict(found.json())

    def becomes(self, verdict: str, name: str = "default", seconds: float = SECONDS) -> dict[str, Any]:
        """The target, once its verdict is this one."""
        return eventually(lambda: one if (one := self.target(name))["verdict"] == verdict else None, seconds)

    def order(self, path: str, body: Any = None, code: int = 200) -> Any:
        """An order of the operator's, which must be answered like this."""
        found = self.ask("POST", f"/api/v1/{path}", json={} if body is None else body)
        assert found.status_code == code, found.text
        return found.json()

    def passes(self, name: str = "default", times: int = 1) -> None:
        """So many passes that begin after this moment have ended."""
        since = max((one["id"] for one in self.events(name)), default=0)

        def ended() -> int:
            return sum(one["id"] > since and one["type"] == "pass-ended" for one in self.events(name))

        eventually(lambda: ended() > times)  # one of them may have begun earlier

    def events(self, name: str = "default") -> list[dict[str, Any]]:
        """What has happened to a target."""
        found = self.ask("GET", "/api/v1/events", headers={"accept": "application/json"})
        return [one for one in found.json()["items"] if one["target"] == name]

    def history(self, name: str = "default") -> list[dict[str, Any]]:
        """Newest first."""
        return list(self.ask("GET", f"/api/v1/history?target={name}").json()["items"])

    def shown(self) -> None:
        """Lay down all that its HTTP side shows: the desk looks for secrets in each file."""
        pages = [f"/targets/{name}" for name in self.names] + [f"/api/v1/targets/{name}" for name in self.names]
        pages += [f"/api/v1/history?target={name}" for name in self.names]
        folder = Path(tempfile.mkdtemp(prefix="shown-", dir=self.desk.folder))
        for number, path in enumerate(("/", "/events", "/metrics", "/api/v1/targets", "/api/v1/plan", *pages)):
            answer = self.ask("GET", path)
            assert answer.status_code < 500, path
            (folder / str(number)).write_bytes(answer.content)
        (folder / "events").write_text(json.dumps([self.events(name) for name in self.names], ensure_ascii=False))

    @property
    def names(self) -> list[str]:
        """Its targets."""
        return [one["name"] for one in self.ask("GET", "/api/v1/targets").json()["items"]]

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, code: int = 0, seconds: float = SECONDS) -> float:
        """Tell it to stop, and wait; gives the seconds that it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(seconds) == code, "".join(self.raw)
        took = time.monotonic() - started
        self.over()
        if code == 0:
            self.logged_well()
        return took

    def logged_well(self) -> None:
        """Each line is an event in JSON, and each pass has an id of its own."""
        assert [line for line in self.raw if not line.startswith("{")] == []
        ids = [(one["target"], one["pass"]) for one in [*self.said("pass"), *self.said("pass failed")]]
        assert len(ids) == len(set(ids))

    def over(self) -> None:
        """It has ended: what it said is looked at like every command's words."""
        if self.process.poll() is None:
            self.process.kill()
        code = self.process.wait(10)
        self._reader.join(10)
        if self.process.stderr is not None and not self.process.stderr.closed:
            self.process.stderr.close()
        if not any(one.err for one in self.desk.said if one.args == self.args):
            self.desk.said.append(Result(self.args, code, "", "".join(self.raw)))


def start(desk: Desk, *args: str, env: Mapping[str, str] | None = None, interval: str = "1s") -> Daemon:
    """``reconciler run desired-state``, or with another source or other flags; on a free port, with three tokens."""
    named = {"--git", "--config"} & {*args} or (args and not args[0].startswith("-"))
    source = args if named else ("desired-state", *args)
    command = ("run", *source, "--listen", "127.0.0.1:0", "--interval", interval)
    desk.canaries |= {OPERATE, READ, PLAN}
    tokens = {"RECONCILER_OPERATE_TOKEN": OPERATE, "RECONCILER_READ_TOKEN": READ, "RECONCILER_PLAN_TOKEN": PLAN}
    variables = {**os.environ, **desk.env, **tokens, **(env or {})}
    process = processes.start(command, desk.folder, variables, reads_output=False)
    return Daemon(desk, process, command)


def configure(desk: Desk, targets: Mapping[str, Mapping[str, Any]], **daemon: Any) -> None:
    """Give the desk a configuration instead of variables: targets by name, each with its ``url`` and what differs."""
    desk.secret("cc-password", PASSWORD)
    (desk.secrets / "cc-user").write_text("admin")
    usual = {"system": "metadefender", "credentials": {"user": "cc-user", "password": "cc-password"}}
    listed = [{"name": name, **usual, **more} for name, more in targets.items()]
    config = {"apiVersion": "reconciler/v1", "kind": "Config", "targets": listed, "daemon": daemon}
    (desk.folder / "reconciler.yaml").write_text(json.dumps(config))
    names = ("URL", "USER", "PASSWORD")
    desk.env |= {"RECONCILER_CONFIG": "reconciler.yaml"} | {f"RECONCILER_{name}": "" for name in names}


@contextmanager
def another_center(desk: Desk, name: str) -> Iterator[Center]:
    """One more Control Center, for a target of that name; it is looked at in the end like the desk's own."""
    switch = Switch()
    with threaded(switch) as url:
        center = Center(url, switch, setup(desk.folder.parent / f"spool-{name}"))
        yield center
        desk.canaries |= center.keys
        assert center.violations() == []
        assert duplicates(center) == []


@contextmanager
def running(desk: Desk, *args: str, env: Mapping[str, str] | None = None, interval: str = "1s") -> Iterator[Daemon]:
    """The same, stopped in the end if the test hasn't."""
    daemon = start(desk, *args, env=env, interval=interval)
    try:
        yield daemon
        if daemon.process.poll() is None:
            daemon.shown()
            daemon.stop()
    finally:
        daemon.over()
        sys.stderr.write("".join(daemon.raw))  # shown with a test that fails
