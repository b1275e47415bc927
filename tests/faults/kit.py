"""What the fault tests share: a Control Center in another process, a desk, and processes that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.emulator.metadefender.replay import check
from reconciler.emulator.running import DIRECT
from tests.e2e.kit import ROOT, Center, Desk, Result, duplicates

SERVER, ZYGOTE = "tests.faults.server", "tests.faults.zygote"


class FarCenter(Center):
    """A Control Center behind `url`, which is looked at over HTTP only."""

    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self, spool: Path, center: Path | None = None, fixture: str = "empty", **settings: object) -> None:
        """Put another Control Center there, a fresh one or the one that a file holds."""
        order = {"spool": str(spool), "center": center and str(center), "fixture": fixture, "settings": settings}
        self._tell("reset", order)

    def save(self, center: Path) -> None:
        """Put its data into a file."""
        self._tell("save", {"center": str(center)})

    @property
    def keys(self) -> set[str]:
        return set(self._tell("keys", {}))

    def broken(self, owned: list[str]) -> list[dict[str, Any]]:
        """What the log of requests shows to be broken, with ownership judged."""
        return [one.as_json() for one in check({**self.log(), "owned": owned})]

    def _tell(self, path: str, body: object) -> Any:
        with DIRECT.open(f"{self.url}/_test/{path}", json.dumps(body).encode(), timeout=60) as answer:
            return json.load(answer)


@dataclass
class FarDesk(Desk):
    """A desk whose commands may be killed. `owned` are the objects that were ours before the log began."""

    zygote: subprocess.Popen[str] | None = None
    owned_before: list[str] = field(default_factory=list)

    def forked(self, *args: str, kill: tuple[str, int] | None = None, deadline: float | None = None) -> Result:
        """Run the command line in a forked process, and wait for it.

        It may be killed at a point of a write. `deadline` takes the place of the 30 s that a request has.
        """
        assert self.zygote is not None
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        out, err = self.folder / "out", self.folder / "err"
        env = {**os.environ, **self.env}
        order = {"args": args, "env": env, "cwd": str(self.folder), "kill": kill, "deadline": deadline}
        order |= {"out": str(out), "err": str(err)}
        self.zygote.stdin.write(json.dumps(order) + "\n")
        self.zygote.stdin.flush()
        code = int(self.zygote.stdout.readline())
        result = Result(args, code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
        out.unlink()
        err.unlink()
        self.said.append(result)
        return result

    def always_holds(self) -> None:
        """What must hold after each fault, whatever it was."""
        self.said_nothing_secret()
        self.never_broke_down()
        assert self.center.violations() == []
        assert isinstance(self.center, FarCenter)
        assert self.center.broken(self.owned_before) == []
        assert duplicates(self.center) == []


@contextlib.contextmanager
def served() -> Iterator[FarCenter]:
    """The emulator in a process of its own."""
    with _process(SERVER) as process:
        assert process.stdout is not None
        yield FarCenter(process.stdout.readline().strip())


@contextlib.contextmanager
def loaded() -> Iterator[subprocess.Popen[str]]:
    """The process that forks commands."""
    with _process(ZYGOTE) as process:
        yield process


@contextlib.contextmanager
def _process(module: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
