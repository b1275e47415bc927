"""What goes wrong on the way to the server while the daemon runs: it comes to the same end, and then rests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon.kit import configure, eventually, running
from tests.e2e.kit import Desk, document
from tests.sources.git_kit import Origin

pytestmark = pytest.mark.ci

FAULTS: list[dict[str, Any]] = [
    {"drop_reply": True},
    {"status": 500},
    {"status": 500, "body": "late", "processed": True},
    {"expire_session": True},
    {"drop_request": True},
    {"body": "<html>a proxy's page</html>", "content_type": "text/html"},
]


@pytest.mark.parametrize("fault", FAULTS, ids="+".join)
def test_it_converges_by_itself_after_faults_and_then_writes_nothing(example: Desk, fault: dict[str, Any]):
    for number in range(12):
        example.center.fault(None, fault, skip=3 + 7 * number)
    with running(example, interval="300ms") as daemon:
        eventually(lambda: all(rule["fired"] for rule in rules(example)[:3]), 60)
        example.center.clear_faults()
        daemon.order("reconcile", code=202)  # what waits because it failed is tried now
        daemon.becomes("converged")
        before = example.center.last()
        daemon.passes(times=2)
        assert example.center.writes(before) == []
        assert example.center.names("workers") == ["worker-1", "worker-2", "worker-3"]
    example.is_converged()


def test_a_mirror_that_cannot_be_written_is_told_and_ends_nothing(desk: Desk, tmp_path: Path):
    origin = Origin(tmp_path)
    origin.write("tree.yaml", document("Role", "analyst", display_name="Analyst"))
    first = origin.commit()
    configure(desk, {"prod": {"url": desk.center.url}}, source={"git": {"url": str(origin.path), "mirror": "mirror"}})
    with running(desk, "--config", "reconciler.yaml", interval="500ms") as daemon:
        daemon.becomes("converged", "prod")
        good = next(desk.folder.joinpath("mirror").glob("mirror.git/refs/**/good"))
        good.unlink()
        good.mkdir()
        (good / "in-the-way").write_text(f"{first}\n")
        origin.write("tree.yaml", document("Role", "another", display_name="Another"))
        second = origin.commit()
        eventually(lambda: daemon.ask("GET", "/api/v1/targets").json()["source"]["error"])
        daemon.passes("prod")
        assert daemon.target("prod")["revision"] == first
        assert "another" not in desk.center.names("roles")
        shutil.rmtree(good)
        eventually(lambda: daemon.target("prod")["revision"] == second)
        assert "another" in desk.center.names("roles")


def rules(desk: Desk) -> list[dict[str, Any]]:
    return list(desk.center.ask("GET", "faults"))


def test_sessions_that_end_again_and_again_cost_one_login_each(example: Desk):
    with running(example, interval="300ms") as daemon:
        daemon.becomes("converged")
        before = example.center.last()
        for _ in range(3):
            example.center.expire()
            daemon.passes()
        logins = [one for one in example.center.requests(before) if one["operationId"] == "login"]
        assert 1 <= len(logins) <= 3
        assert daemon.becomes("converged")["failures"] == 0
        assert example.center.writes(before) == []
