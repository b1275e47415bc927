"""What holds the daemon's hands: observing, a suspension, a maintenance window."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.daemon.kit import OPERATE, READ, Daemon, configure, eventually, running
from tests.e2e.kit import Desk, Result, document

NOTHING = {f"RECONCILER_{name}": "" for name in ("URL", "USER", "PASSWORD", "STATE", "SECRETS_DIR", "CONFIG")}


def role(name: str, display_name: str = "") -> str:
    return document("Role", name, display_name=display_name or name)


def roles(*names: str) -> list[str]:
    return [role(name) for name in names]


COOKIE = document("SessionCookie", "console", samesite="Strict")


def drift(desk: Desk) -> int:
    """Somebody changes a setting behind our back; gives the number of the last request before."""
    before = desk.center.last()
    desk.center.edit("settings", {"name": "sessioncookie"}, set={"samesite": "None"})
    return before


def is_drifted(desk: Desk) -> bool:
    return bool(desk.center.state()["settings"]["sessioncookie"]["samesite"] == "None")


def remote(desk: Desk, daemon: Daemon, *args: str, token: str = OPERATE) -> Result:
    """The command line as somebody has it who knows the daemon only."""
    return desk.run(*args, "--server", daemon.url, env={**NOTHING, "RECONCILER_SERVER_TOKEN": token})


# --- observe


@pytest.mark.ci
def test_observing_writes_nothing_whatever_is_ordered(desk: Desk):
    desk.write(COOKIE, *roles("one", "two", "three"))
    desk.converges()
    desk.write(COOKIE)
    before = drift(desk)
    with running(desk, "--mode", "observe", "--prune", interval="300ms") as daemon:
        target = daemon.becomes("drifted")
        daemon.order("approvals", {"digest": target["digest"]}, 422 if target["summary"]["blocked"] == 0 else 201)
        daemon.order("targets/default/reconcile", code=202)
        daemon.passes(times=2)
        assert daemon.target()["mode"] == "observe"
        assert desk.center.writes(before) == []


# --- suspend


@pytest.mark.ci
def test_a_suspended_target_is_looked_at_and_not_written_to(desk: Desk):
    desk.write(COOKIE)
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged")
        answer = daemon.order("targets/default/suspend", {"reason": "an upgrade by hand", "for": 3600})
        assert answer["suspension"]["owner"] == "operate-token"
        before = drift(desk)
        shown = daemon.becomes("suspended")["suspension"]
        assert (shown["owner"], shown["reason"]) == ("operate-token", "an upgrade by hand")
        lasts = datetime.fromisoformat(shown["until"]) - datetime.fromisoformat(shown["since"])
        assert abs(lasts.total_seconds() - 3600) < 5
        eventually(lambda: daemon.target()["summary"]["held"] == 1)
        daemon.order("targets/default/reconcile", code=202)
        daemon.passes()
        assert desk.center.writes(before) == []
        assert daemon.order("targets/default/resume")["suspension"] is None
        eventually(lambda: not is_drifted(desk))
        daemon.becomes("converged")
        assert {"suspend, by operate-token", "resume, by operate-token"} <= {one["mode"] for one in daemon.history()}


@pytest.mark.ci
def test_a_suspension_ends_by_itself_also_long_before_the_next_pass_is_due(desk: Desk):
    desk.write(COOKIE)
    with running(desk, interval="1h") as daemon:
        daemon.becomes("converged")
        daemon.order("targets/default/suspend", {"reason": "a moment", "for": 3})
        daemon.becomes("suspended")
        before = drift(desk)
        assert desk.center.writes(before) == []
        eventually(lambda: not is_drifted(desk))
        daemon.becomes("converged")
        assert daemon.target()["suspension"] is None


@pytest.mark.ci
def test_it_is_ordered_over_the_command_line_and_survives_a_kill(desk: Desk):
    desk.write(COOKIE)
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged")
        assert "operate" in remote(desk, daemon, "suspend", "--reason", "no", token=READ).ended(1).err
        said = remote(desk, daemon, "suspend", "--reason", "night shift", "--for", "2h").ended(0).out
        assert "by operate-token" in said
        assert "night shift" in said
        daemon.stop(signal.SIGKILL, -9)
    before = drift(desk)
    desk.center.fault(None, {"status": 500}, method="GET", times=0)
    with running(desk, interval="300ms") as daemon:
        assert daemon.becomes("error")["suspension"]["reason"] == "night shift"
        desk.center.clear_faults()
        assert daemon.becomes("suspended")["suspension"]["reason"] == "night shift"
        daemon.passes()
        assert desk.center.writes(before) == []
        assert "Resumed" in remote(desk, daemon, "resume").ended(0).out
        eventually(lambda: not is_drifted(desk))


@pytest.mark.ci
def test_suspending_amid_an_apply_finishes_what_is_in_flight_and_begins_nothing_more(desk: Desk):
    names = [f"role-{number}" for number in range(20)]
    desk.write(*roles(*names))
    desk.center.fault("createRole", {"delay": 1.0}, times=0)
    with running(desk, interval="300ms") as daemon:
        eventually(lambda: "createRole" in desk.center.sent())
        daemon.order("targets/default/suspend", {"reason": "stop this"})
        sent = desk.center.writes()
        assert 0 < len(sent) <= 8
        daemon.becomes("suspended")
        daemon.passes()
        assert desk.center.writes() == sent
        made = [name for name in names if name in desk.center.names("roles")]
        assert len(made) == len(sent)
        assert not [one for one in daemon.history() if one["verdict"] == "failed"]
        desk.center.clear_faults()
        daemon.order("targets/default/resume")
        daemon.becomes("converged")
        assert desk.center.writes().count("createRole") == 20


@pytest.mark.ci
@pytest.mark.parametrize("operation", ["login", "reads"])
def test_a_suspension_while_a_pass_still_reads_stops_its_writes(desk: Desk, operation: str):
    desk.write(COOKIE)
    method = "POST" if operation == "login" else "GET"
    desk.center.fault(None, {"delay": 1.5}, times=0, method=method)
    before = desk.center.last()
    with running(desk, interval="300ms") as daemon:
        eventually(lambda: desk.center.last() > before, pause=0.01)
        daemon.order("targets/default/suspend", {"reason": "wait"})
        eventually(lambda: seen_suspended(daemon))
        daemon.passes()
        assert desk.center.writes(before) == []


def seen_suspended(daemon: Daemon) -> bool:
    """Whether a pass has taken notice; the order itself is shown from the first moment on."""
    shown = daemon.target()
    assert shown["suspension"] is not None
    return bool(shown["verdict"] == "suspended")


# --- maintenance windows


def at(moment: datetime, **duration: Any) -> dict[str, Any]:
    """A window that opens at this minute, once a year."""
    schedule = f"{moment.minute} {moment.hour} {moment.day} {moment.month} *"
    return {"schedule": schedule, "duration": timedelta(**duration).total_seconds()}


def windowed(desk: Desk, window: dict[str, Any], **policy: Any) -> None:
    target = {"url": desk.center.url, "windows": [window], "policy": {"prune": True, **policy}}
    configure(desk, {"prod": target})


@pytest.mark.ci
def test_outside_the_windows_only_what_disturbs_nobody_is_done(desk: Desk):
    now = datetime.now(UTC)
    desk.write(*roles("analyst", "going"))
    desk.converges()
    windowed(desk, at(now + timedelta(hours=5), hours=1))
    desk.env["RECONCILER_STATE"] = f"sqlite:///{desk.folder}/state/second.db"
    desk.write(*roles("analyst", "going"))
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged", "prod")
        desk.run("adopt", "Role", "going", "--server", daemon.url, env={"RECONCILER_SERVER_TOKEN": OPERATE}).ended(0)
        before = desk.center.last()
        desk.write(*roles("analyst", "coming"))
        eventually(lambda: "coming" in desk.center.names("roles"))
        target = eventually(lambda: one if (one := daemon.target("prod"))["summary"]["held"] else None)
        assert "next one opens at" in target["window"]
        held = daemon.ask("GET", "/api/v1/plan?target=prod").json()["items"][0]["held"]
        assert [(one["id"], one["rule"]) for one in held] == [("delete/Role/going", "outside-window")]
        daemon.passes("prod", 2)
        assert daemon.target("prod")["verdict"] == "drifted"
        assert desk.center.writes(before) == ["createRole"]
    windowed(desk, at(now - timedelta(minutes=2), hours=1))
    with running(desk, interval="300ms") as daemon:
        eventually(lambda: "going" not in desk.center.names("roles"))
        assert daemon.becomes("converged", "prod")["window"] is None
        assert desk.center.writes(before) == ["createRole", "deleteRole"]
