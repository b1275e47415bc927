"""One emulated Control Center that holds so many objects from the start, in a process of its own.

Started by itself (`python -m benchmarks.center USERS WORKERS LATENCY_MS`), it prints its URL.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks.objects import Mix, fixture
from benchmarks.processes import ROOT
from benchmarks.worlds import DAY, PASSWORD, USER
from reconciler.emulator.metadefender.app import Setup, build, create_app
from reconciler.emulator.metadefender.fixtures import furnish
from reconciler.emulator.running import Control
from reconciler.emulator.server import bind, serve


@contextmanager
def center(mix: Mix, latency: float = 0.0) -> Iterator[Control]:
    """A Control Center that holds a mix and waits so many milliseconds before each answer."""
    command = [sys.executable, "-m", "benchmarks.center", str(mix.users), str(mix.workers), str(latency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield Control(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def main() -> None:
    """USERS WORKERS LATENCY_MS"""
    users, workers, latency = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="center-") as spool:
        world = build(Setup(Path(spool), None, USER, PASSWORD, settings={"latency_ms": latency}))
        furnish(world.state, fixture(Mix(users, workers)))
        world.state.settings["session"]["sessionTimeout"] = DAY
        listener, url = bind("127.0.0.1", 0)
        serve(create_app(world), listener, lambda: click.echo(url))


if __name__ == "__main__":
    main()
