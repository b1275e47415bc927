"""What end-to-end tests share: a desk from which the real command line is run, and the Control Center it talks to."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.metadefender.app import Setup, build, create_app
from reconciler.emulator.metadefender.options import Options, choices
from reconciler.emulator.metadefender.sessions import Session, Sessions
from reconciler.emulator.metadefender.state import hidden
from reconciler.emulator.metadefender.world import World
from reconciler.emulator.running import Control
from tests.e2e import processes
from tests.e2e.processes import Process
from tests.emulator.center import Switch
from tests.secrecy.canaries import scan

__all__ = ["Options", "choices", "hidden"]  # what tests need of the emulator's inside comes through here, too

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "desired-state"
PASSWORD = "canary-of-the-control-center"
API_KEY = "0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f"
PACES = {"deploy_seconds": 0.1, "undeploy_seconds": 0.1, "upgrade_seconds": 0.1}
READS = ("GET",)
SESSIONS = ("login", "logout")
SECONDS = 60
"""How long one command may take: far more than any does, so that a machine under load fails no test."""


class KeptSessions(Sessions):
    """Sessions that remember each key that was ever given out."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.keys: set[str] = set()

    def open(self, user_id: str, address: str) -> Session:
        session = super().open(user_id, address)
        self.keys |= {session.session_id, session.csrf_token}
        return session


class Center(Control):
    """The Control Center of one test: its inside is `world`, everything else is asked over HTTP."""

    def __init__(self, url: str, switch: Switch, setup: Setup) -> None:
        super().__init__(url)
        self.world = build(setup)
        self.world.state.path = None
        self.sessions = KeptSessions(self.world)
        self.world.sessions = self.sessions
        switch.app = create_app(self.world)

    @property
    def keys(self) -> set[str]:
        """Each key of a session, and each user's API key."""
        return self.sessions.keys | {user["api_key"] for user in self.world.state.users}

    def sent(self, since: int = 0) -> list[str]:
        """The operations that were asked for, in order, without logins and logouts."""
        return [one["operationId"] for one in self.requests(since) if one["operationId"] not in SESSIONS]

    def writes(self, since: int = 0) -> list[str]:
        """Those of them that are no reads."""
        return [
            one["operationId"]
            for one in self.requests(since)
            if one["method"] not in READS and one["operationId"] not in SESSIONS
        ]

    def last(self) -> int:
        """The number of the newest request."""
        return max((one["n"] for one in self.requests()), default=0)

    def rules(self) -> list[str]:
        """The names of the rules that were broken so far."""
        return [one["rule"] for one in self.violations()]

    def named(self, collection: str, name: str) -> dict[str, Any]:
        """The one object of that name, or display name."""
        found = [one for one in self.state()[collection] if name in (one.get("name"), one.get("display_name"))]
        assert len(found) == 1, f"{len(found)} of {collection} are called {name}"
        return dict(found[0])

    def names(self, collection: str) -> list[str]:
        """The names of all objects of a collection, sorted."""
        field = "name" if collection in ("users", "roles", "installers") else "display_name"
        return sorted(one[field] for one in self.state()[collection])

    def instances(self) -> dict[str, str]:
        """worker → version, of what runs."""
        return {
            one["display_name"]: one["instance"]["version"]
            for one in self.state()["workers"]
            if one["instance"] and one["status"] == "Deployed"
        }


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output, which must be JSON alone."""
        return json.loads(self.out)

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """Of a plan or a report in JSON: its steps by id."""
        return {step["id"]: step for step in self.json()["steps"]}

    @property
    def rules(self) -> dict[str, str]:
        """Of a plan or a report in JSON: what is blocked, with the rule that says so."""
        return {step["id"]: step["rule"] for step in self.json()["blocked"]}

    @property
    def statuses(self) -> dict[str, str]:
        """Of a report in JSON: each step's status."""
        return {id: step["status"] for id, step in self.steps.items()}

    def ended(self, code: int) -> Result:
        """The result itself, if it is this one."""
        shown = self.out if len(self.out) < 5000 else f"{self.out[:1500]}\n…\n{self.out[-3000:]}"
        assert self.code == code, f"{' '.join(self.args)} ended with {self.code}, not {code}\n{shown}\n{self.err}"
        return self


@dataclass
class Desk:
    """One administrator's files and variables, and the command line."""

    folder: Path
    center: Center
    env: dict[str, str] = field(default_factory=dict)
    said: list[Result] = field(default_factory=list)
    started: list[Process] = field(default_factory=list)
    canaries: set[str] = field(default_factory=lambda: {PASSWORD})

    def __post_init__(self) -> None:
        self.tree.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        self.env = {
            "RECONCILER_URL": self.center.url,
            "RECONCILER_USER": "admin",
            "RECONCILER_PASSWORD": PASSWORD,
            "RECONCILER_STATE": f"sqlite:///{self.folder}/state/state.db",
            "RECONCILER_SECRETS_DIR": str(self.secrets),
            "PYTHONWARNINGS": "default",
            **self.env,
        }

    @property
    def tree(self) -> Path:
        return self.folder / "desired-state"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    # --- the command line

    def run(self, *args: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Result:
        """Run the command line as a process of its own, and wait for it."""
        done = processes.run(args, self.folder, {**os.environ, **self.env, **(env or {})}, stdin.encode(), SECONDS)
        result = Result(args, done.code, done.out.decode(), done.err.decode())
        self.said.append(result)
        return result

    def start(self, *args: str, env: Mapping[str, str] | None = None) -> Process:
        """The same without waiting; :meth:`finished` takes its result."""
        process = processes.start(args, self.folder, {**os.environ, **self.env, **(env or {})})
        self.started.append(process)
        return process

    def end_all(self) -> None:
        """End whatever a test that failed has left running, so that it doesn't meddle with the next one."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def finished(self, process: Process) -> Result:
        """Wait for a process that was started."""
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode is not None
        result = Result(tuple(map(str, process.args)), process.returncode, out.decode(), err.decode())  # type: ignore[arg-type]
        self.said.append(result)
        return result

    def plan(self, *args: str, **more: Any) -> Result:
        """``plan desired-state -o json``."""
        return self.run("plan", "desired-state", "-o", "json", *args, **more)

    def apply(self, *args: str, **more: Any) -> Result:
        """``apply desired-state -o json --yes``, looking often."""
        return self.run("apply", "desired-state", "-o", "json", "--yes", "--poll", "0.05", *args, **more)

    def start_apply(self, *args: str) -> Process:
        """The same without waiting."""
        return self.start("apply", "desired-state", "-o", "json", "--yes", "--poll", "0.05", *args)

    def converges(self, *args: str) -> Result:
        """An apply that must do all there is to do, after which nothing is left to do."""
        report = self.apply(*args).ended(0)
        assert report.json()["outcome"] == "converged"
        self.is_converged(*args)
        return report

    def is_converged(self, *args: str) -> None:
        """There is nothing to do, and nothing stands in the way of anything."""
        plan = self.plan("--detailed-exitcode", *args).ended(0).json()
        assert plan["steps"] == plan["blocked"] == []

    def status(self) -> Result:
        """``status -o json --offline``."""
        return self.run("status", "-o", "json", "--offline")

    def owned(self) -> list[str]:
        """What is remembered as ours: Kind/name, sorted."""
        listed = self.run("state", "list", "-o", "json").ended(0).json()
        return sorted(f"{one['kind']}/{one['name']}" for one in listed)

    # --- files

    def give_example(self) -> None:
        """Lay the example's tree out, with a value for each of its secrets."""
        shutil.copytree(EXAMPLE, self.tree, dirs_exist_ok=True)
        self.fill_secrets()

    def fill_secrets(self) -> None:
        """Make up a value for each secret that the tree names and that has none."""
        for file in self.tree.rglob("*.yaml"):
            for name in re.findall(r'secret"?: *"?([a-z0-9-]+)', file.read_text(encoding="utf-8")):
                if not (self.secrets / name).exists():
                    self.secret(name, f"canary/{name}+é")

    def secret(self, name: str, value: str) -> None:
        """Give a secret its value; it must never be seen again."""
        (self.secrets / name).write_text(value, encoding="utf-8")
        self.canaries.add(value)

    def write(self, *documents: str, file: str = "tree.yaml") -> None:
        """Lay out one file of documents, with a value for each secret that they name."""
        (self.tree / file).write_text("\n---\n".join(documents), encoding="utf-8")
        self.fill_secrets()

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the desired state, as a commit would."""
        text = (self.tree / file).read_text(encoding="utf-8")
        assert old in text
        self.write(text.replace(old, new), file=file)

    def drop_document(self, file: str, name: str) -> None:
        """Take the document of that name out of a file."""
        documents = (self.tree / file).read_text(encoding="utf-8").split("\n---\n")
        left = [one for one in documents if not re.search(rf"name: {re.escape(name)}\b", one)]
        assert len(left) == len(documents) - 1
        self.write(*left, file=file)

    def kept_files(self) -> Iterator[Path]:
        """All files that the commands may have left behind."""
        return (path for path in self.folder.rglob("*") if path.is_file() and self.secrets not in path.parents)

    # --- what holds after each test

    def said_nothing_secret(self) -> None:
        """No value of a secret, no key: not on a screen, not in a file, however it is written."""
        files = [path for path in self.secrets.iterdir() if path.is_file()]
        names = {path.read_text(encoding="utf-8", errors="replace"): path.name for path in files}
        every = self.canaries | self.center.keys
        values = {names.get(one, f"secret {number}"): one for number, one in enumerate(every)}
        said = {f"{number}: {' '.join(one.args)}": f"{one.out}\n{one.err}" for number, one in enumerate(self.said)}
        assert list(map(str, scan(self.kept_files(), said, values))) == []

    def never_broke_down(self) -> None:
        """Nobody met a traceback, a warning of the interpreter or a defect."""
        for result in self.said:
            for word in ("Traceback", "Warning:", "a defect of the reconciler", "never awaited", "Exception ignored"):
                assert word not in result.out + result.err, f"{word} in {result.args}: {result.err}"


def document(kind: str, name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> str:
    """One document, as YAML."""
    metadata = {"name": name} | ({"annotations": dict(annotations)} if annotations else {})
    return json.dumps({"apiVersion": "metadefender/v1", "kind": kind, "metadata": metadata, "spec": spec})


def secret(name: str) -> dict[str, str]:
    """A secret, as documents name it."""
    return {"secret": name}


def user(name: str, **spec: Any) -> str:
    """A User with a password."""
    return document("User", name, spec.pop("annotations", None), **{"password": secret(f"{name}-password"), **spec})


def worker(name: str, **spec: Any) -> str:
    """A Worker at a host of its own."""
    return document("Worker", name, **{"host": f"{name}.internal", "connection_key": secret("worker-key"), **spec})


def setup(spool: Path, state: Path | None = None, fixture: str = "empty", **settings: object) -> Setup:
    """A fresh Control Center, or the one that a file holds."""
    return Setup(spool, state, password=PASSWORD, api_key=API_KEY, fixture=fixture, settings={**PACES, **settings})


def mostly_ci(values: Iterable[Any], *quick: Any) -> list[Any]:
    """The values as parameters; all but the quick ones are for the slower tier."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.ci) for value in values]


def until(holds: Callable[[], Any], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.02)


def duplicates(center: Center) -> list[object]:
    """Objects that share a natural key."""
    state = center.state()
    keys: Iterable[object] = [
        *(("role", one["name"]) for one in state["roles"]),
        *(("user", one["directory_id"], one["name"]) for one in state["users"]),
        *(("service", one["host"], one["port"]) for one in state["services"]),
        *(("worker", one["host"], one["port"]) for one in state["workers"]),
        *(("installer", one["checksum"]) for one in state["installers"]),
    ]
    found = list(keys)
    return sorted({one for one in found if found.count(one) > 1}, key=str)
