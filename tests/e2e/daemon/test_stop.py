"""How the daemon ends: told to, killed, or because a part of it died; and who may have the state beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.daemon.kit import OPERATE, eventually, running, start
from tests.e2e.kit import SECONDS, Desk, document
from tests.e2e.processes import HURRIED

NAMES = [f"role-{number:02}" for number in range(20)]


def roles(*names: str) -> list[str]:
    return [document("Role", name, display_name=name) for name in names]


def made(desk: Desk) -> list[str]:
    return [name for name in NAMES if name in desk.center.names("roles")]


# --- signals


@pytest.mark.ci
def test_a_first_signal_finishes_the_calls_in_flight_logs_out_and_begins_nothing_more(desk: Desk):
    desk.write(*roles(*NAMES))
    desk.center.fault("createRole", {"delay": 2.0}, times=0)
    with running(desk) as daemon:
        eventually(lambda: "createRole" in desk.center.sent())
        assert daemon.stop() < 20
        sent = desk.center.writes()
        assert 0 < len(sent) <= 8
        assert len(made(desk)) == len(sent)
        assert desk.center.requests()[-1]["operationId"] == "logout"
        assert desk.center.state()["sessions"] == 0
    assert desk.status().ended(0).json()["open"] == []
    desk.center.clear_faults()
    with running(desk) as daemon:
        daemon.becomes("converged")
    assert desk.center.writes().count("createRole") == len(NAMES)


@pytest.mark.ci
def test_a_call_that_takes_too_long_is_left_to_the_next_start(desk: Desk):
    desk.write(*roles(NAMES[0]))
    desk.center.fault("createRole", {"delay": 28.0}, times=1)
    with running(desk) as daemon:
        eventually(lambda: "createRole" in desk.center.sent())
        assert daemon.stop(code=143) < 25
    desk.center.clear_faults()
    with running(desk) as daemon:
        daemon.becomes("converged")
    assert made(desk) == NAMES[:1]


@pytest.mark.ci
def test_a_target_that_does_not_answer_holds_up_no_stop(desk: Desk):
    desk.write(*roles(NAMES[0]))
    desk.center.fault(None, {"delay": 28.0}, times=0, method="GET")
    with running(desk) as daemon:
        eventually(desk.center.sent)
        assert daemon.stop() < 10
    desk.center.clear_faults()


@pytest.mark.ci
@pytest.mark.parametrize("fault", [{"status": 500}, {"drop_reply": True}, {"delay": 28.0}], ids="+".join)
def test_a_logout_that_fails_spoils_no_stop(desk: Desk, fault: dict[str, Any]):
    desk.write(*roles(NAMES[0]))
    desk.center.fault("logout", fault, times=0)
    with running(desk) as daemon:
        daemon.becomes("converged")
        assert daemon.stop() < 25
        assert daemon.said("stopped")


@pytest.mark.ci
def test_a_second_signal_ends_it_at_once(desk: Desk):
    desk.write(*roles(*NAMES))
    desk.center.fault("createRole", {"delay": 20.0}, times=0)
    with running(desk) as daemon:
        eventually(lambda: "createRole" in desk.center.sent())
        daemon.send(signal.SIGTERM)
        eventually(lambda: any(one["event"].startswith("stopping") for one in daemon.lines))
        assert daemon.stop(code=143) < 10
    desk.center.clear_faults()
    desk.env[HURRIED] = "1"
    with running(desk) as daemon:
        daemon.becomes("converged")
    assert made(desk) == NAMES


@pytest.mark.ci
@pytest.mark.parametrize("operation", ["createRole", "createUser"])
def test_after_a_kill_amid_an_apply_nothing_is_made_twice(desk: Desk, operation: str):
    people = [
        document("User", f"user-{n}", display_name="U", directory="LOCAL", roles=[NAMES[0]], password={"secret": "pw"})
        for n in range(6)
    ]
    desk.write(*roles(*NAMES[:8]), *people)
    desk.center.fault(operation, {"delay": 0.5}, times=0)
    with running(desk) as daemon:
        eventually(lambda: operation in desk.center.sent())
        daemon.stop(signal.SIGKILL, -9)
    desk.center.clear_faults()
    if operation == "createUser":  # once is enough to wait for what it has sent
        time.sleep(1.0)
        desk.env[HURRIED] = "1"
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged")
        before = desk.center.last()
        daemon.passes(times=2)
        assert desk.center.writes(before) == []
    assert made(desk) == NAMES[:8]
    assert desk.status().ended(0).json()["open"] == []


@pytest.mark.ci
def test_an_idle_daemon_with_listeners_stops_at_once(desk: Desk):
    desk.write(*roles(NAMES[0]))
    with running(desk, interval="1h") as daemon:
        daemon.becomes("converged")
        heard: list[str] = []
        thread = threading.Thread(target=listen, args=(daemon.url, heard))
        thread.start()
        eventually(lambda: heard)
        assert daemon.stop() < 10
        thread.join(10)
        assert not thread.is_alive()
    assert desk.center.state()["sessions"] == 0


def listen(url: str, heard: list[str]) -> None:
    """Follow the events until the server ends."""
    headers = {"authorization": f"Bearer {OPERATE}"}
    with httpx.stream("GET", f"{url}/api/v1/events", headers=headers, timeout=60, trust_env=False) as stream:
        heard.extend(stream.iter_lines())


@pytest.mark.ci
def test_an_address_that_is_taken_ends_it_with_one_sentence(desk: Desk):
    desk.write(*roles(NAMES[0]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = desk.run("run", "desired-state", "--listen", address).ended(1).err
    assert f"error: can't listen on {address}: address already in use" in said
    assert desk.center.writes() == []


# --- one writer


@pytest.mark.ci
def test_a_second_writer_is_refused_and_readers_are_not(desk: Desk):
    desk.write(*roles(NAMES[0]))
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged")
        began = time.monotonic()
        second = start(desk)
        assert second.process.wait(SECONDS) == 1
        second.over()
        assert time.monotonic() - began < 20
        said = "".join(second.raw)
        assert "the state is in use by" in said
        assert str(daemon.process.pid) in said
        assert "--server" in said
        assert second.said("listening") == []
        refused = desk.apply().ended(1)
        assert str(daemon.process.pid) in refused.err
        assert "--server" in refused.err
        assert desk.status().ended(0).json()
        assert desk.run("history").ended(0).out
        assert desk.plan().ended(0).json()["steps"] == []
        daemon.passes()


# --- what dies


DYING = """
import sys
import reconciler.daemon.publishing as loop
def broken(*args): raise RuntimeError("a defect")
loop.objects_of = broken
from reconciler.__main__ import main
sys.argv = ["reconciler", "run", "desired-state", "--listen", "127.0.0.1:0"]
sys.exit(main())
"""


@pytest.mark.ci
def test_a_loop_that_dies_ends_the_process_with_an_error(desk: Desk):
    desk.write(*roles(NAMES[0]))
    done = subprocess.run(
        [sys.executable, "-c", DYING],
        cwd=desk.folder,
        env={**os.environ, **desk.env},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert "a defect of the reconciler: RuntimeError" in said
    assert desk.center.state()["sessions"] == 0


@pytest.mark.ci
def test_a_state_that_fails_for_a_while_is_no_end(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged")
        database = Path(desk.env["RECONCILER_STATE"].removeprefix("sqlite:///"))
        away = database.with_suffix(".away")
        database.rename(away)
        before = desk.center.last()
        desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
        daemon.becomes("error")
        assert desk.center.writes(before) == []
        away.rename(database)
        daemon.becomes("converged")
