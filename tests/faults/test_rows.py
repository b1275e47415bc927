"""Faults that one run of the command line meets, with the Control Center in another process: the rows of the table of
faults that no other test shows end to end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.running import DIRECT
from tests.e2e.kit import API_KEY, SECONDS, Result, document, mostly_ci, until, user, worker
from tests.e2e.processes import HURRIED
from tests.faults.kit import FarCenter, FarDesk
from tests.faults.scenes import THAW, UPGRADE, Scene

JSON = "application/json"
Make = Callable[..., FarDesk]


@pytest.fixture
def make(center: FarCenter, tmp_path: Path) -> Iterator[Make]:
    """Builds the desk of a test, before an empty Control Center."""
    desks: list[FarDesk] = []

    def build() -> FarDesk:
        center.reset(tmp_path / "spool")
        desks.append(FarDesk(tmp_path / "desk", center))
        return desks[-1]

    yield build
    for desk in desks:
        desk.end_all()


# --- the disk


def entries(desk: FarDesk) -> Counter[str]:
    """The journal's entries by operation, read past the program."""
    path = desk.folder / "state" / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        return Counter(name for (name,) in database.execute("select operation from entries"))


@pytest.mark.ci
@pytest.mark.parametrize("kilobytes", mostly_ci([0, 8, 24, 48, 96], 24))
def test_a_disk_that_fills_up_stops_the_writes_and_not_the_truth(make: Make, kilobytes: int):
    desk = make()
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    desk.converges()
    desk.give_example()
    (desk.tree / "tree.yaml").unlink()
    largest = max(path.stat().st_size for path in (desk.folder / "state").iterdir())
    limit = f"ulimit -f {largest // 1024 + kilobytes}; exec {sys.executable} -m reconciler"
    command = f"{limit} apply desired-state -o json --yes --poll 0.05 --parallelism 1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=desk.folder, env={**os.environ, **desk.env}, capture_output=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    result = Result(("apply",), done.returncode, done.stdout.decode(), done.stderr.decode()).ended(1)
    desk.said.append(result)
    written = Counter(desk.center.writes())
    assert written <= entries(desk), "a write left without an entry"
    desk.env[HURRIED] = "1"
    desk.converges()
    desk.always_holds()


# --- answers


DEEP = "[" * 200_000
BAD = {"deep": DEEP, "deep-objects": '{"a":' * 100_000, "number": "1" * 100_000, "nothing": "", "text": '"users"'}


@pytest.mark.ci
@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_nothing_is_written_after_an_answer_that_is_too_much(make: Make, body: str):
    desk = make()
    desk.write(user("carol"))
    desk.center.fault("listUsers", {"body": body, "content_type": JSON}, times=0)
    assert desk.apply().code in (1, 3)
    assert desk.center.writes() == []
    desk.center.clear_faults()
    desk.converges()
    desk.always_holds()


@pytest.mark.ci
@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("operation", ["connectWorkers", "connectService", "deployWorkers"])
def test_only_items_that_are_said_to_be_done_count(make: Make, operation: str, processed: bool):
    """A 200 that doesn't mention what was asked for says nothing: it is looked for."""
    desk = make()
    desk.give_example()
    body = "{}" if operation == "deployWorkers" else "[]"
    desk.center.fault(operation, {"body": body, "content_type": JSON, "processed": processed})
    desk.apply()
    desk.converges()
    desk.always_holds()
    usual = {"connectService": 5}.get(operation, 1)
    assert desk.center.counts()["operations"][operation] == usual + (not processed)


@pytest.mark.ci
@pytest.mark.parametrize("operation", ["listUsers", "login", "createUser"])
def test_another_host_sees_no_request_and_no_key(make: Make, operation: str):
    desk = make()
    desk.write(user("carol"))
    with socket.create_server(("127.0.0.2", 0)) as other:
        other.setblocking(False)
        where = f"http://127.0.0.2:{other.getsockname()[1]}/login"
        desk.center.fault(operation, {"redirect": where}, times=0)
        desk.apply().ended(1)
        with pytest.raises(BlockingIOError):
            other.accept()
    desk.center.clear_faults()
    desk.converges()
    desk.always_holds()


# --- uploads


@pytest.mark.ci
@pytest.mark.parametrize("keep", [1, 20])
def test_a_fragment_of_an_upload_is_taken_away_again(make: Make, keep: int):
    desk = make()
    desk.give_example()
    desk.center.fault("uploadInstaller", {"cut_request": keep})
    desk.apply()
    desk.converges()
    [installer] = desk.center.state()["installers"]
    assert installer["size"] == next(desk.tree.rglob("*.msi")).stat().st_size
    assert desk.center.counts()["operations"]["deleteInstaller"] == 1
    desk.always_holds()


# --- what takes longer than a run


@pytest.mark.ci
@pytest.mark.parametrize(("scene", "sent"), [(UPGRADE, "upgradeWorkers"), (THAW, "undeployWorkers")])
def test_what_is_under_way_is_waited_for_and_not_begun_again(
    center: FarCenter, tmp_path: Path, scene: Scene, sent: str
):
    scene.base(tmp_path, center)
    desk = scene.desk(tmp_path, tmp_path / "later", center)
    desk.center.options(upgrade_seconds=3600, undeploy_seconds=3600 if scene is THAW else 0)
    for _ in range(3):
        report = desk.apply(*scene.flags, "--timeout", "0.3").ended(4)
        assert report.json()["outcome"] == "progressing"
    assert desk.center.counts()["operations"][sent] == 1
    desk.center.options(undeploy_seconds=0)
    desk.center.advance(2 * 3600)
    desk.converges(*scene.flags)
    assert desk.center.counts()["operations"][sent] == 1
    desk.always_holds()


# --- the window that is left


@pytest.mark.ci
def test_a_request_that_outlives_its_process_may_arrive_beside_its_successor(make: Make):
    """A server may take a request up later than its deadline, for which the successor waits (here it doesn't).

    The product refuses the second one, and nothing is there twice.
    """
    desk = make()
    desk.write(document("Role", "analyst"), worker("w"))
    desk.center.fault("createRole", {"delay": 15.0})
    process = desk.start_apply()
    until(lambda: "createRole" in desk.center.sent(), "the role is sent")
    process.kill()
    desk.finished(process).ended(-signal.SIGKILL)
    desk.env[HURRIED] = "1"
    desk.converges()
    until(lambda: answered(desk, "createRole"), "the first one is answered")
    assert set(desk.center.rules()) == {"duplicate"}
    assert desk.center.names("roles") == ["administrator", "analyst"]
    desk.is_converged()


def answered(desk: FarDesk, operation: str) -> bool:
    sent: list[dict[str, Any]] = [one for one in desk.center.requests() if one["operationId"] == operation]
    return len(sent) == 2 and all(one["status"] for one in sent)


def test_the_log_that_is_judged_is_plain_data(make: Make, tmp_path: Path):
    """What the emulator tells can be kept in a file and judged by its command, and says nothing secret."""
    desk = make()
    desk.write(document("Role", "analyst"), user("carol", roles=["analyst"]))
    desk.converges()
    file = desk.folder / "log.json"
    file.write_text(json.dumps(desk.center.log()), encoding="utf-8")
    desk.run("emulator", "--check", str(file)).ended(0)
    desk.always_holds()


def asked(desk: FarDesk, method: str, path: str) -> None:
    url = f"{desk.center.url}{path}"
    request = urllib.request.Request(url, method=method, headers={"apikey": API_KEY})  # noqa: S310
    try:
        DIRECT.open(request, timeout=60).close()
    except urllib.error.HTTPError as error:
        error.close()


@pytest.mark.parametrize(
    ("between", "rules"),
    [
        ([], ["sent-again"]),
        (["/admin/user"], []),
        (["/admin/role"], ["sent-again"]),
    ],
)
def test_the_emulator_judges_as_the_checker_of_logs_does(make: Make, between: list[str], rules: list[str]):
    desk = make()
    desk.center.edit("users", add={"name": "carol", "roles": []})
    id = desk.center.named("users", "carol")["id"]
    desk.center.fault("deleteUser", {"status": 500})
    asked(desk, "DELETE", f"/admin/user/{id}")
    for path in between:
        asked(desk, "GET", path)
    asked(desk, "DELETE", f"/admin/user/{id}")
    assert desk.center.rules() == rules
    assert [one["rule"] for one in FarCenter(desk.center.url).broken(["users/1/carol"])] == rules
    assert "carol" not in desk.center.names("users")
