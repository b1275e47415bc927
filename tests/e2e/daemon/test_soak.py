"""Hours of faults, of people who meddle and of new commits: the daemon neither grows nor forgets a target.

Its figures are read from outside: resident memory, descriptors, threads.
"""

from __future__ import annotations

import faulthandler
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, cast

import httpx
import psutil
import pytest

from reconciler.emulator.running import Running, running
from tests.e2e.daemon import kit
from tests.e2e.kit import PASSWORD, Center, Desk, document, user, worker

TARGETS = ("east", "north", "west")
INTERVAL = 1.0
OLDEST = 20.0
"""Seconds that a target's last pass may be ago: a few intervals, a slow answer, retries and backoff."""
RATE = 100
"""One request in so many is spoilt."""
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"status": 503, "headers": {"retry-after": "1"}},
    {"drop_reply": True},
    {"drop_request": True},
    {"cut_body": 5},
    {"delay": 2.0},
    {"expire_session": True},
    {"body": "<html>gateway</html>", "content_type": "text/html"},
)
USERS = 9


def documents(round_: int) -> list[str]:
    """A target's documents in a round. Never do more than a few users go at once: that would be held back."""
    there = [number for number in range(USERS) if number != round_ % USERS]
    return [
        document("Role", "analyst", display_name="Analyst", rights={"workers": ["read"]}),
        *(user(f"user-{number}", display_name=f"User {round_ // USERS}", roles=["analyst"]) for number in there[:1]),
        *(user(f"user-{number}", display_name="User", roles=["analyst"]) for number in there[1:]),
        *(worker(f"worker-{number}") for number in range(2)),
        document("SessionCookie", "console", samesite="Strict"),
        document("Cleanup", "retention", auditlog=24 * (1 + round_ % 5)),
    ]


@dataclass
class Sample:
    """What the process took at one moment (monotonic seconds, bytes)."""

    at: float
    rss: int
    descriptors: int
    threads: int


@dataclass
class Soak:
    """A daemon over a few targets, and all that happens to it."""

    desk: Desk
    centers: dict[str, Running]
    chance: random.Random = field(default_factory=lambda: random.Random(4))  # noqa: S311 - it makes trouble, and guards nothing
    samples: list[Sample] = field(default_factory=list)
    events: int = 0
    round: int = 0
    spoilt: int = 0
    _armed: dict[str, bool] = field(default_factory=dict)

    def configure(self) -> None:
        policy = {"prune": True, "allow": ["replace"], "budget": {"destructive": 100, "daily": 1_000_000}}
        for name, value in {"cc-user": "admin", "cc-password": PASSWORD}.items():
            self.desk.secret(name, value)
        self.desk.canaries.discard("admin")  # a name that may be said
        credentials = {"user": "cc-user", "password": "cc-password"}
        shared = {"system": "metadefender", "credentials": credentials, "policy": policy}
        targets = [{"name": name, "url": one.url, "path": name, **shared} for name, one in self.centers.items()]
        config = {
            "apiVersion": "reconciler/v1",
            "kind": "Config",
            "state": "sqlite:///state/state.db",
            "secrets_dir": "secrets",
            "targets": targets,
        }
        (self.desk.folder / "reconciler.yaml").write_text(json.dumps(config), encoding="utf-8")
        for name in ("RECONCILER_URL", "RECONCILER_USER", "RECONCILER_PASSWORD", "RECONCILER_STATE"):
            del self.desk.env[name]
        self.desk.env["RECONCILER_CONFIG"] = "reconciler.yaml"
        for name in TARGETS:
            (self.desk.tree / name).mkdir(parents=True)
            self.commit(name)

    def commit(self, name: str) -> None:
        """One target's part of the tree changes."""
        self.round += 1
        self.desk.write(*documents(self.round), file=f"{name}/all.yaml")

    def meddle(self, name: str) -> None:
        """Somebody changes something at the console, or deletes it."""
        center = self.centers[name]
        match self.chance.randrange(3):
            case 0:
                center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
            case 1:
                center.edit("users", {"name": f"user-{self.chance.randrange(USERS)}"}, delete=True)
            case _:
                center.edit("users", {"name": f"user-{self.chance.randrange(USERS)}"}, set={"display_name": "By hand"})

    def spoil(self) -> None:
        """Spoil one request of the next hundred or so, once the one before was spoilt."""
        for name, center in self.centers.items():
            if self._armed.get(name) and not any(rule["fired"] for rule in center.ask("GET", "faults")):
                continue
            self.spoilt += self._armed.get(name, False)
            center.clear_faults()
            center.fault(None, self.chance.choice(FAULTS), skip=self.chance.randrange(2 * RATE))
            self._armed[name] = True

    def run(self, daemon: kit.Daemon, seconds: float) -> None:
        """Let time pass, with all that happens in it; each look finds every target looked after."""
        process = psutil.Process(daemon.process.pid)
        ends, turn = time.monotonic() + seconds, 0
        while time.monotonic() < ends:
            turn += 1
            self.spoil()
            if turn % 4 == 0:
                self.meddle(self.chance.choice(TARGETS))
            if turn % 7 == 0:
                self.commit(self.chance.choice(TARGETS))
            for one in daemon.ask("GET", "/api/v1/targets").json()["items"]:
                assert ago(one["checkedAt"]) < OLDEST, one
            self.samples.append(sample(process))
            time.sleep(1)

    def listen(self, url: str, ending: threading.Event) -> None:
        """Take events in as a browser does, until told to stop."""
        headers = {"authorization": f"Bearer {kit.READ}", "accept": "text/event-stream"}
        stream = httpx.stream("GET", f"{url}/api/v1/events", headers=headers, timeout=60, trust_env=False)
        with suppress(httpx.HTTPError), stream as answer:  # where the test has failed, the daemon goes first
            for line in answer.iter_lines():
                self.events += line.startswith("data:")
                if ending.is_set():
                    return


def ago(time_: str) -> float:
    """Seconds since a time as the API writes it."""
    return time.time() - datetime.fromisoformat(time_).timestamp()


def sample(process: psutil.Process) -> Sample:
    return Sample(time.monotonic(), process.memory_info().rss, process.num_fds(), process.num_threads())


def flat(samples: list[Sample], name: str, slack: float) -> tuple[float, float]:
    """The medians of a figure at the end of the first quarter and at the end, which must be no more than 5 % above."""
    figures = [float(getattr(one, name)) for one in samples]
    size = max(10, len(figures) // 8)
    quarter = len(figures) // 4
    before, after = median(figures[quarter : quarter + size]), median(figures[-size:])
    assert after <= before * 1.05 + slack, f"{name}: {before:.0f}, then {after:.0f}"
    return before, after


@pytest.fixture
def soak(tmp_path: Path) -> Iterator[Soak]:
    with ExitStack() as stack:
        centers = {
            name: stack.enter_context(running(password=PASSWORD, spool=tmp_path / f"spool-{name}")) for name in TARGETS
        }
        desk = Desk(tmp_path / "desk", cast("Center", centers[TARGETS[0]]))
        soak = Soak(desk, centers)
        soak.configure()
        yield soak


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(180, marks=pytest.mark.ci, id="3min"), pytest.param(7200, marks=pytest.mark.long, id="2h")],
)
def test_it_neither_grows_nor_forgets(soak: Soak, seconds: float):
    faulthandler.cancel_dump_traceback_later()  # a test of hours doesn't hang
    flag = f"{INTERVAL:g}s"
    with kit.running(soak.desk, interval=flag) as daemon:
        for name in TARGETS:
            daemon.becomes("converged", name)
        ending = threading.Event()
        listener = threading.Thread(target=soak.listen, args=(daemon.url, ending), daemon=True)
        listener.start()
        soak.run(daemon, seconds)
        assert listener.is_alive(), "the stream of events has ended"
        for center in soak.centers.values():
            center.clear_faults()
        finds_its_rest(soak, daemon)
        ending.set()
        listener.join(10)
        daemon.stop(signal.SIGTERM)
    figures = {name: flat(soak.samples, name, slack) for name, slack in FIGURES.items()}
    sys.stderr.write(f"\n{figures}, {soak.spoilt} spoilt, {soak.events} events, {soak.round} commits\n")
    assert soak.spoilt >= seconds / 30
    assert soak.events > seconds
    assert [center.violations() for center in soak.centers.values()] == [[]] * len(TARGETS)
    soak.desk.never_broke_down()


# What comes and goes with single requests counts for nothing: a connection, the answer to a look at the page.
FIGURES = {"rss": 0, "descriptors": 3, "threads": 1}


def finds_its_rest(soak: Soak, daemon: kit.Daemon) -> None:
    """Everything is as the tree says, and nothing is written any more."""
    time.sleep(5)  # the last tree may lack documents, and is believed only when it still does after two seconds
    daemon.ask("POST", "/api/v1/reconcile")
    for name in TARGETS:
        deadline = time.monotonic() + 60
        while not settled(target := daemon.target(name)):
            assert time.monotonic() < deadline, json.dumps(target)
            time.sleep(0.1)
    before = {name: writes(center) for name, center in soak.centers.items()}
    time.sleep(3 * INTERVAL)
    assert {name: writes(center) for name, center in soak.centers.items()} == before


def settled(target: dict[str, Any]) -> bool:
    changes = {key: count for key, count in target["summary"].items() if key != "unchanged" and count}
    return target["verdict"] == "converged" and not changes


def writes(center: Running) -> int:
    methods = center.counts()["methods"]
    return sum(count for method, count in methods.items() if method != "GET")
