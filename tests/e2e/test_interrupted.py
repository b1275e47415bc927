"""Runs that are ended from outside: what was begun is finished or found again, nothing is done twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from tests.e2e.kit import Desk, Result, document, mostly_ci, until, user
from tests.e2e.processes import HURRIED

FLAGS = ("--parallelism", "1")


def interrupted(desk: Desk, operation: str, number: int, *flags: str, delay: float = 0.7) -> Result:
    """An apply that gets a signal while it waits for the answer to `operation`."""
    desk.center.fault(operation, {"delay": delay})
    process = desk.start_apply(*flags)
    until(lambda: operation in desk.center.sent(), f"{operation} is sent")
    process.send_signal(number)
    return desk.finished(process)


@pytest.mark.parametrize("operation", mostly_ci(["createRole", "connectWorkers", "createUser"], "createRole"))
def test_sigterm_lets_finish_what_is_under_way(example: Desk, operation: str):
    result = interrupted(example, operation, signal.SIGTERM, *FLAGS).ended(143)
    report = result.json()
    assert "nothing more is begun" in result.err
    requests = example.center.requests()
    assert requests[-1]["operationId"] == "logout"
    index = next(n for n, one in enumerate(requests) if one["operationId"] == operation)
    *after, last = [one["operationId"] for one in requests[index + 1 :] if one["method"] != "GET"]
    assert last == "logout"
    assert all(name.endswith("Cleanup") for name in after), "but for the one step of several writes"
    done = [step for step in report["steps"] if step["status"] == "done"]
    skipped = [step for step in report["steps"] if step["status"] == "skipped"]
    assert done
    assert skipped
    assert len(done) + len(skipped) == len(report["steps"])
    assert example.status().ended(0).json()["open"] == []
    example.converges()


@pytest.mark.ci
def test_sigint_is_130(example: Desk):
    interrupted(example, "createRole", signal.SIGINT).ended(130)
    example.converges()


@pytest.mark.ci
def test_a_second_signal_ends_at_once(example: Desk):
    example.center.fault("createRole", {"delay": 20.0})
    process = example.start_apply()
    until(lambda: "createRole" in example.center.sent(), "createRole is sent")
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    until(lambda: b"Stopping" in os.read(process.stderr.fileno(), 4096), "the first signal is understood")  # type: ignore[union-attr]
    process.send_signal(signal.SIGTERM)
    example.finished(process).ended(143)


@pytest.mark.ci
def test_sigterm_while_a_deployment_is_waited_for(example: Desk):
    """Nobody waits half an hour for a process that was told to go."""
    example.center.options(deploy_seconds=3600)
    process = example.start_apply()
    until(lambda: "deployWorkers" in example.center.sent(), "the deployment has begun")
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(25)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    report = example.finished(process).ended(143)
    assert report.statuses["create/Deployment/cores/worker-1"] == "progressing"
    assert example.center.requests()[-1]["operationId"] == "logout"
    example.center.advance(7200)
    example.converges()


@pytest.mark.ci
def test_sigterm_while_it_plans(example: Desk):
    example.center.fault("listUsers", {"delay": 1.0})
    process = example.start_apply()
    until(lambda: "listUsers" in example.center.sent(), "it reads")
    process.send_signal(signal.SIGTERM)
    example.finished(process).ended(143)
    assert example.center.writes() == []


KILLS = ["createRole", "createUser", "connectService", "connectWorkers", "uploadInstaller", "deployWorkers",
         "putSession"]  # fmt: skip


@pytest.mark.ci
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", mostly_ci(KILLS, "createUser"))
def test_sigkill_around_a_write(example: Desk, operation: str, when: str):
    """Killed when the request has arrived and isn't processed yet, or is processed and isn't answered yet."""
    fault = {"delay": 0.5} if when == "before" else {"trickle": 0.5}
    example.center.fault(operation, fault)
    process = example.start_apply()
    until(lambda: operation in example.center.sent(), f"{operation} is sent")
    process.kill()
    example.finished(process).ended(-signal.SIGKILL)
    time.sleep(0.7)  # what had arrived is processed, though nobody waits for the answer
    example.env[HURRIED] = "1"
    example.converges()
    assert example.status().ended(0).json()["open"] == []
    assert len(example.owned()) == 19


@pytest.mark.ci
def test_what_a_killed_run_has_sent_may_arrive_late(desk: Desk):
    """The server takes the request up only when the next run has begun long ago."""
    desk.write(document("Role", "analyst"))
    desk.center.fault("createRole", {"delay": 4.0})
    process = desk.start_apply()
    until(lambda: "createRole" in desk.center.sent(), "createRole is sent")
    process.kill()
    desk.finished(process)
    assert desk.center.names("roles") == ["administrator"]
    begun = time.monotonic()
    report = desk.converges()
    assert re.search(
        r"^Waiting \d\d s: a run was cut short, and what it has sent may still arrive\.$", report.err, re.MULTILINE
    )
    assert 20 < time.monotonic() - begun < 35
    assert report.steps == {}
    assert desk.center.names("roles") == ["administrator", "analyst"]
    assert desk.center.sent().count("createRole") == 1


@pytest.mark.ci
def test_sigkill_leaves_no_lock(desk: Desk):
    desk.write(document("Role", "analyst"))
    desk.center.fault("createRole", {"trickle": 1.0})  # done at once, and answered slowly
    process = desk.start_apply()
    until(lambda: "analyst" in desk.center.names("roles"), "it has written")
    process.kill()
    desk.finished(process)
    desk.env[HURRIED] = "1"
    desk.converges()


def test_sigkill_between_the_halves_of_a_replacement(desk: Desk):
    """The next run creates what is missing, and asks nobody."""
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"], email="a@example.com"))
    desk.apply().ended(0)
    desk.center.edit("users", {"name": "carol"}, set={"description": "nobody manages this"})
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"], email="b@example.com"))
    desk.center.fault("deleteUser", {"trickle": 1.0})
    process = desk.start_apply("--allow", "replace")
    until(lambda: "carol" not in desk.center.names("users"), "the user is deleted")
    process.kill()
    desk.finished(process)
    desk.env[HURRIED] = "1"
    plan = desk.plan().ended(0)
    assert desk.status().ended(3).json()["open"]
    assert [*plan.steps] == ["create/User/carol"]
    assert "replacement" in plan.steps["create/User/carol"]["reason"]
    desk.converges()
    found = desk.center.named("users", "carol")
    assert (found["email"], found["description"]) == ("b@example.com", "nobody manages this")


@pytest.mark.ci
def test_a_replacement_that_was_cut_short_and_is_wanted_no_more(desk: Desk):
    desk.write(document("Role", "analyst"), user("carol", email="a@example.com"))
    desk.apply().ended(0)
    desk.write(document("Role", "analyst"), user("carol", email="b@example.com"))
    desk.center.fault("createUser", {"status": 500}, times=0)
    report = desk.apply("--allow", "replace").ended(1)
    assert "taken down, and not up again" in report.steps["replace/User/carol"]["error"]
    desk.center.clear_faults()
    desk.write(document("Role", "analyst"))
    desk.converges()
    desk.write(document("Role", "analyst"), user("carol", email="c@example.com"))
    plan = desk.plan().ended(0)
    assert "replacement" not in plan.steps["create/User/carol"]["reason"]
    desk.converges()
