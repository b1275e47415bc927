"""What goes wrong on the way to the server while the daemon runs: it comes to the same end, and then rests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.daemon.kit import eventually, running
from tests.e2e.kit import Desk

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
