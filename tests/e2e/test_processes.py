"""A forked command behaves like one that Python was started for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e import processes
from tests.e2e.kit import SECONDS, Desk, until

COMMANDS = [("version",), ("plan",), ("plan", "nowhere"), ("validate", "desired-state"), ("demo", "--nonsense")]


def variables(desk: Desk, **more: str) -> dict[str, str]:
    return {**os.environ, **desk.env, **more}


def anew(args: tuple[str, ...], cwd: Path, env: Mapping[str, str]) -> processes.Ended:
    command = [sys.executable, "-m", "reconciler", *args]
    done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return processes.Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_a_forked_command_ends_as_one_that_was_started(example: Desk, args: tuple[str, ...]):
    env = variables(example)
    assert processes.run(args, example.folder, env, b"", SECONDS) == anew(args, example.folder, env)


def test_each_command_has_its_own_variables_and_input(example: Desk):
    example.run("plan", "desired-state", "-o", "json", env={"RECONCILER_URL": ""}).ended(1)
    example.run("plan", "desired-state", "-o", "json").ended(0)
    assert "admin" not in os.environ.get("RECONCILER_USER", "")
    assert example.run("import-workers", "-", stdin="nonsense").code == 1


def test_several_threads_may_ask_at_once(desk: Desk):
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda _: desk.run("version").ended(0).out, range(8)))
    assert len(set(said)) == 1


def test_a_signal_ends_it_and_is_its_code(desk: Desk):
    process = desk.start("emulator", "--listen", "127.0.0.1:0")
    assert process.stdout is not None
    assert b"listening" in process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    assert process.wait(SECONDS) == process.poll() == -signal.SIGKILL
    until(lambda: not Path(f"/proc/{process.pid}").exists(), "its process is gone")


def test_a_command_that_takes_too_long_is_ended(desk: Desk):
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run(("emulator", "--listen", "127.0.0.1:0"), desk.folder, variables(desk), b"", 0.5)
