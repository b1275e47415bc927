"""Answers that take their time, and deployments that never settle: the command line, with the Control Center in another
process."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kit import until, user, worker
from tests.faults.kit import FarCenter, FarDesk

APPLY = ("apply", "desired-state", "-o", "json", "--yes", "--poll", "0.05")
DEADLINE = 0.4
TRICKLE, LATE = {"trickle": 0.05}, {"delay": 5.0}


@pytest.fixture
def desk(center: FarCenter, zygote: subprocess.Popen[str], tmp_path: Path) -> Iterator[FarDesk]:
    center.reset(tmp_path / "spool")
    desk = FarDesk(tmp_path / "desk", center, zygote=zygote)
    yield desk
    desk.end_all()


# --- one total deadline a request


@pytest.mark.ci
@pytest.mark.parametrize("fault", [TRICKLE, LATE], ids=["trickle", "late"])
def test_a_read_that_never_ends_is_given_up_and_nothing_is_written(desk: FarDesk, fault: dict[str, Any]):
    """Each byte comes soon after the last one, and still the whole takes no longer than one deadline a try."""
    desk.write(user("carol"))
    desk.center.fault("listUsers", fault, times=0)
    started = time.monotonic()
    said = desk.forked(*APPLY, deadline=DEADLINE).ended(3)
    assert time.monotonic() - started < 3 * DEADLINE + 2
    assert said.rules == {"update/User/carol": "unreadable"}
    assert f"no complete answer within {DEADLINE} s" in said.out
    assert desk.center.sent().count("listUsers") == 3
    assert desk.center.writes() == []
    desk.center.clear_faults()
    desk.converges()
    desk.always_holds()


@pytest.mark.ci
def test_a_write_whose_answer_never_ends_is_looked_at_and_not_repeated(desk: FarDesk):
    desk.write(user("carol"), worker("w"))
    for operation in ("createUser", "connectWorkers"):
        desk.center.fault(operation, TRICKLE)
    started = time.monotonic()
    desk.forked(*APPLY, deadline=DEADLINE).ended(0)
    assert time.monotonic() - started < 2 * DEADLINE + 2
    assert sorted(desk.center.writes()) == ["connectWorkers", "createUser"]
    desk.is_converged()
    desk.always_holds()


# --- a deployment that flaps


@pytest.fixture
def deploying(desk: FarDesk) -> FarDesk:
    """A deployment is under way, and its end far away."""
    desk.give_example()
    desk.center.options(deploy_seconds=3600)
    desk.apply("--timeout", "0.3").ended(4)
    assert desk.center.sent().count("deployWorkers") == 1
    return desk


def shows(desk: FarDesk, word: str) -> None:
    assert desk.center.edit("workers", {"display_name": "worker-1"}, set={"status": word}) == 1


@pytest.mark.ci
def test_a_deployment_that_flaps_is_not_begun_again(deploying: FarDesk):
    """Deploying, Failed, Deploying, … as a server may show that tries by itself: it is told, and left to it."""
    desk, before = deploying, deploying.center.last()
    desk.edit("services.yaml", "redis.internal", "redis-2.internal")
    for word, outcome in (("Failed", 3), ("Deploying", 3), ("Failed", 3), ("Upgrading", 3), ("Deploying", 3)):
        shows(desk, word)
        report = desk.forked(*APPLY, "--timeout", "0.2").ended(outcome)
        # What has to wait until nothing is deployed any more waits, whatever is shown at the moment.
        assert report.rules["update/Service/cache"] == "service-frozen-after-deploy"
        assert ("the Control Center's log says why" in report.out) is (word == "Failed")
        assert desk.center.writes(before) == []
    desk.edit("services.yaml", "redis-2.internal", "redis.internal")
    shows(desk, "Deployed")
    desk.center.advance(7200)
    desk.converges()
    assert desk.center.writes(before) == []
    desk.always_holds()


@pytest.mark.ci
def test_a_deployment_that_flaps_while_it_is_waited_for_ends_the_wait(desk: FarDesk):
    desk.give_example()
    desk.center.options(deploy_seconds=3600)
    process = desk.start_apply("--timeout", "30")
    until(lambda: "deployWorkers" in desk.center.sent(), "the deployment is sent")
    shows(desk, "Failed")
    desk.center.advance(7200)
    report = desk.finished(process).ended(1)
    before = desk.center.last()
    assert report.statuses["create/Deployment/cores/worker-1"] == "failed"
    assert report.statuses["create/Deployment/cores/worker-2"] == "done"
    shows(desk, "Deploying")
    desk.apply("--timeout", "0.2")
    shows(desk, "Deployed")
    desk.converges()
    assert desk.center.writes(before) == []
    assert desk.center.sent().count("deployWorkers") == 1
    desk.always_holds()
