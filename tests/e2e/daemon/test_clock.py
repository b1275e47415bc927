"""A clock that jumps (libfaketime): what paces the daemon is monotonic, what people said goes by the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.daemon.kit import Daemon, configure, eventually, running
from tests.e2e.kit import Desk, document

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
pytestmark = [pytest.mark.ci, pytest.mark.skipif(LIBRARY is None, reason="Debian's package faketime isn't installed")]
YEAR = 365 * 86400
NAMES = [f"role-{number}" for number in range(7)]
COOKIE = document("SessionCookie", "console", samesite="Strict")


def roles(*names: str) -> list[str]:
    return [document("Role", name, display_name=name) for name in names]


class Clock:
    """The wall clock of processes that are given ``env``."""

    def __init__(self, desk: Desk) -> None:
        self._file = desk.folder / "clock"
        self.jump(0)
        self.env = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
        }

    def jump(self, seconds: float) -> None:
        """Be so far off the real time from now on."""
        ready = self._file.with_suffix(".new")
        ready.write_text(f"{seconds:+.0f}\n")
        ready.replace(self._file)


@pytest.fixture
def clock(desk: Desk) -> Clock:
    return Clock(desk)


def drift(desk: Desk) -> int:
    before = desk.center.last()
    desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    return before


def is_drifted(desk: Desk) -> bool:
    return bool(desk.center.state()["settings"]["sessioncookie"]["samesite"] == "None")


def test_passes_keep_their_pace_and_nothing_is_lost(desk: Desk, clock: Clock):
    desk.write(COOKIE, *roles(*NAMES))
    with running(desk, "--prune", env=clock.env, interval="500ms") as daemon:
        daemon.becomes("converged")
        for years in (1, -1, 0):
            clock.jump(years * YEAR)
            began, before = time.monotonic(), desk.center.last()
            used = sum(psutil.Process(daemon.process.pid).cpu_times()[:2])
            daemon.passes(times=4)
            took = time.monotonic() - began
            spent = sum(psutil.Process(daemon.process.pid).cpu_times()[:2]) - used
            logged_in = [one for one in desk.center.requests(before) if one["operationId"] == "login"]
            assert took > 1.5
            assert spent < 0.7 * took
            assert len(logged_in) <= 1
            assert desk.center.writes(before) == []
            drift(desk)
            eventually(lambda: not is_drifted(desk))
        assert set(NAMES) <= set(desk.center.names("roles"))
        assert daemon.target()["failures"] == 0
        assert daemon.ask("GET", "/healthz").status_code == 200


def test_a_suspension_goes_by_the_wall_clock_and_is_never_forgotten(desk: Desk, clock: Clock):
    desk.write(COOKIE)
    with running(desk, env=clock.env, interval="500ms") as daemon:
        daemon.becomes("converged")
        daemon.order("targets/default/suspend", {"reason": "an hour", "for": 3600})
        daemon.becomes("suspended")
        before = drift(desk)
        clock.jump(-YEAR)
        daemon.passes(times=2)
        assert daemon.target()["verdict"] == "suspended"
        assert desk.center.writes(before) == []
        clock.jump(3700)
        eventually(lambda: not is_drifted(desk))
        assert daemon.becomes("converged")["suspension"] is None
        clock.jump(0)  # it was a mistake: the hour isn't over
        daemon.becomes("suspended")
        daemon.order("targets/default/resume")
        daemon.becomes("converged")


def test_a_quarantine_lasts_no_longer_for_a_clock_that_was_wrong(desk: Desk, clock: Clock):
    bob = document("User", "bob", display_name="Bob", directory="LOCAL", roles=["a"], password={"secret": "bob"})
    desk.write(*roles("a"), bob)
    desk.center.fault("createUser", {"status": 400, "body": "{}"}, times=0)
    clock.jump(YEAR)
    with running(desk, env=clock.env, interval="500ms") as daemon:
        eventually(lambda: is_quarantined(daemon))
        tries = desk.center.sent().count("createUser")
        daemon.passes(times=2)
        assert desk.center.sent().count("createUser") == tries
        desk.center.clear_faults()
        clock.jump(0)
        daemon.becomes("converged")
        assert "bob" in desk.center.names("users")


def is_quarantined(daemon: Daemon) -> bool:
    plans = daemon.ask("GET", "/api/v1/plan?target=default").json()["items"]
    return any(one["rule"] == "quarantined" for plan in plans for one in plan["blocked"])


def test_a_window_closes_while_the_daemon_runs(desk: Desk, clock: Clock):
    opened = datetime.now(UTC) - timedelta(minutes=10)
    window = {"schedule": f"{opened.minute} {opened.hour} {opened.day} {opened.month} *", "duration": 3600}
    configure(desk, {"prod": {"url": desk.center.url, "windows": [window], "policy": {"prune": True}}})
    desk.write(*roles("stays", "first", "second"))
    with running(desk, env=clock.env, interval="500ms") as daemon:
        daemon.becomes("converged", "prod")
        desk.write(*roles("stays", "second"))
        eventually(lambda: "first" not in desk.center.names("roles"))
        clock.jump(2 * 3600)
        eventually(lambda: daemon.target("prod")["window"])
        desk.write(*roles("stays", "third"))
        eventually(lambda: "third" in desk.center.names("roles"))
        daemon.passes("prod", 2)
        assert daemon.target("prod")["summary"]["held"] == 1
        assert "second" in desk.center.names("roles")


def test_what_was_approved_outside_a_window_is_done_when_it_opens(desk: Desk, clock: Clock):
    opens = datetime.now(UTC) + timedelta(hours=5)
    window = {"schedule": f"{opens.minute} {opens.hour} {opens.day} {opens.month} *", "duration": 3600}
    policy: dict[str, Any] = {"prune": True}
    configure(desk, {"prod": {"url": desk.center.url, "windows": [window], "policy": policy}})
    desk.write(*roles("stays", *NAMES))
    with running(desk, env=clock.env, interval="500ms") as daemon:
        daemon.becomes("converged", "prod")
        desk.write(*roles("stays"))
        digest = daemon.becomes("blocked", "prod")["digest"]
        before = desk.center.last()
        daemon.order("approvals", {"digest": digest}, 201)
        daemon.becomes("drifted", "prod")  # nothing is blocked any more, all waits for the window
        shown = daemon.target("prod")
        assert shown["summary"]["held"] == len(NAMES)
        assert [one["digest"] for one in shown["approvals"]] == [digest]
        daemon.passes("prod", 2)
        assert desk.center.writes(before) == []
        clock.jump(5 * 3600 + 120)
        eventually(lambda: not set(NAMES) & set(desk.center.names("roles")))
        assert desk.center.writes(before) == ["deleteRole"] * len(NAMES)
        eventually(lambda: daemon.target("prod")["approvals"] == [])
        daemon.becomes("converged", "prod")
        assert any("approved by operate-token" in one["mode"] for one in daemon.history("prod"))
