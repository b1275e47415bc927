"""An emulator in a process of its own, for tests, and what can be asked of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.emulator.registry import DEFAULT, SYSTEMS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LINE = re.compile(r".+ emulator listening on (?P<url>\S+)\n")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Control:
    """The control requests of the emulator at `url`. Each gives the JSON of the answer; ValueError if refused."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a control request, such as ("GET", "counts")."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data=data, method=method)  # noqa: S310
        try:
            with DIRECT.open(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(error.read().decode()) from None

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The log of requests with a number above `since`: n, time, method, path, operationId, status, user, body,
        fault."""
        found: list[dict[str, Any]] = self.ask("GET", f"requests?since={since}")
        return found

    def clear(self) -> None:
        """Empty the log of requests, the counts and the broken rules."""
        self.ask("DELETE", "requests")
        self.ask("DELETE", "violations")

    def counts(self) -> dict[str, Any]:
        """{"total": n, "operations": {operationId: n}, "methods": {method: n}}."""
        found: dict[str, Any] = self.ask("GET", "counts")
        return found

    def violations(self) -> list[dict[str, Any]]:
        """The rules that clients broke: n (of the request), rule, detail."""
        found: list[dict[str, Any]] = self.ask("GET", "violations")
        return found

    def log(self) -> dict[str, Any]:
        """The objects at the beginning, and each request with what had changed before it came; for checks."""
        found: dict[str, Any] = self.ask("GET", "log")
        return found

    def options(self, **settings: object) -> dict[str, Any]:
        """Change options or timings by name, if any are given, and tell all of them."""
        found: dict[str, Any] = self.ask("PUT", "options", settings)
        return found

    def fault(self, operation: str | None, fault: Mapping[str, Any], **rule: object) -> None:
        """Put a fault rule in force; `rule` may have skip, times and method."""
        self.ask("POST", "faults", {"operation": operation, "fault": dict(fault), **rule})

    def clear_faults(self) -> None:
        """Put every fault rule out of force."""
        self.ask("DELETE", "faults")

    def state(self) -> dict[str, Any]:
        """All objects by collection, each secret as sha256:…, the settings, and the number of sessions."""
        found: dict[str, Any] = self.ask("GET", "state")
        return found

    def expire(self) -> int:
        """End every session; tells how many."""
        return int(self.ask("POST", "sessions/expire")["expired"])

    def advance(self, seconds: float) -> None:
        """Let time pass at once, for timeouts and for what is under way."""
        self.ask("POST", "clock", {"advance": seconds})

    def edit(self, collection: str, match: Mapping[str, Any] | None = None, **change: object) -> int:
        """Change objects behind the clients' backs: set={…}, delete=True or add={…}; tells how many."""
        order = {"collection": collection, "match": dict(match or {}), **change}
        return int(self.ask("POST", "edit", order)["changed"])


class Running(Control):
    """An emulator that runs as `process` and answers at `url`."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        super().__init__(url)
        self.process = process

    @property
    def control(self) -> Control:
        """The control requests, by themselves."""
        return Control(self.url)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM, and wait; gives the exit status."""
        self.process.terminate()
        return self.process.wait(10)


@contextlib.contextmanager
def running(
    options: DataclassInstance | Mapping[str, object] | None = None,
    *,
    system: str = DEFAULT,
    listen: str = "127.0.0.1:0",
    state: Path | str | None = None,
    control: bool = True,
    **more: Any,
) -> Iterator[Running]:
    """Start an emulator as a separate process and end it in the end. `more` are flags of the system (such as
    fixture="deployed") and options; what takes time is quick unless they say otherwise."""
    emulated = SYSTEMS[system]
    flags = {str(flag.name): flag for flag in emulated.flags}
    given = asdict(options) if is_dataclass(options) else dict(options or {})
    others = {name: value for name, value in more.items() if name not in flags}
    command = [sys.executable, "-m", "reconciler.emulator", "--system", system, "--listen", listen]
    command += ["--state", str(state)] if state else []
    command += [] if control else ["--no-control"]
    for name, value in {**emulated.quick, **given, **others}.items():
        command += ["--set", f"{name}={','.join(value) if isinstance(value, list | tuple) else value}"]
    # Its temporary files lie in a folder of this process, so that nothing stays when it is killed.
    with tempfile.TemporaryDirectory(prefix="emulator-") as folder:
        environment = {**os.environ, "TMPDIR": folder}
        for name, flag in flags.items():
            _pass_on(flag, more.get(name), command, environment)
        emulator = _started(command, environment)
        try:
            yield emulator
        finally:
            _ended(emulator)


def _pass_on(flag: click.Option, value: object, command: list[str], environment: dict[str, str]) -> None:
    """Give a flag's value to a process to be, by its variable if it has one; None leaves the default."""
    if isinstance(flag.envvar, str):
        environment.pop(flag.envvar, None)
    if value is None:
        return
    if isinstance(flag.envvar, str):
        environment[flag.envvar] = str(value)
    else:
        command += [flag.opts[0], str(value)]


def _started(command: list[str], environment: dict[str, str]) -> Running:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    match = LINE.fullmatch(line)
    if match is None:
        process.kill()
        process.stdout.close()
        raise RuntimeError(f"the emulator didn't start: status {process.wait(10)}, {line!r}")
    return Running(match["url"], process)


def _ended(emulator: Running) -> None:
    if emulator.process.poll() is None:
        emulator.process.terminate()
        try:
            emulator.process.wait(10)
        except subprocess.TimeoutExpired:
            emulator.kill()
    if emulator.process.stdout is not None:
        emulator.process.stdout.close()
