"""Credentials and other secrets that are wrong, missing, or rotated while the daemon runs."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.e2e.daemon.kit import configure, eventually, running
from tests.e2e.kit import PASSWORD, Desk, document, worker

pytestmark = pytest.mark.ci


def logins(desk: Desk) -> int:
    return sum(one["operationId"] == "login" for one in desk.center.requests())


def test_refused_credentials_are_tried_once_also_in_a_crash_loop_and_new_ones_at_once(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    configure(desk, {"prod": {"url": desk.center.url}}, backoff=1)
    desk.secret("cc-password", "canary-that-is-wrong")
    for _ in range(2):
        with running(desk, interval="300ms") as daemon:
            eventually(lambda: len(daemon.said("pass failed")) >= 3)
            shown = daemon.becomes("error", "prod")
            assert "refused" in shown["error"]
            assert logins(desk) == 1
            daemon.stop(signal.SIGKILL, -9)
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("error", "prod")
        assert logins(desk) == 1
        # Somebody says that they are good now, and is wrong: one more try.
        daemon.order("targets/prod/reconcile", code=202)
        eventually(lambda: logins(desk) == 2)
        daemon.passes("prod", 2)
        assert logins(desk) == 2
        desk.secret("cc-password", PASSWORD)
        daemon.becomes("converged", "prod")
        assert logins(desk) == 3
        # What is in use is rotated as well: the old session is closed, a new one opened.
        desk.secret("cc-password", "canary-that-is-wrong-again")
        assert "refused" in daemon.becomes("error", "prod")["error"]
        daemon.passes("prod", 2)
        assert logins(desk) == 4
        assert desk.center.state()["sessions"] == 0
        desk.secret("cc-password", PASSWORD)
        daemon.becomes("converged", "prod")
        assert logins(desk) == 5


def cache() -> str:
    named: dict[str, Any] = {"type": "caching", "host": "redis.internal", "port": 6379, "user": "default"}
    return document("Service", "cache", **named, password={"secret": "cache-password"})


def test_a_rotated_secret_of_a_document_is_sent_without_a_restart(desk: Desk):
    desk.write(cache())
    with running(desk, interval="300ms") as daemon:
        daemon.becomes("converged")
        before = desk.center.last()
        said = json.dumps({"err": "canary-of-the-new-password is too weak"})
        desk.center.fault("editService", {"status": 400, "body": said})
        desk.secret("cache-password", "canary-of-the-new-password")
        eventually(lambda: len(desk.center.writes(before)) == 2)
        daemon.becomes("converged")
        daemon.passes()
        assert desk.center.writes(before) == ["editService"] * 2


def test_a_missing_secret_stops_everything_before_a_write_until_it_is_there(desk: Desk):
    desk.write(worker("one"), document("Role", "analyst", display_name="Analyst"))
    (desk.secrets / "worker-key").unlink()
    with running(desk, interval="300ms") as daemon:
        assert "worker-key" in daemon.becomes("error")["error"]
        daemon.passes()
        assert desk.center.writes() == []
        desk.secret("worker-key", "canary-of-the-worker-key")
        daemon.becomes("converged")
    assert desk.center.names("workers") == ["one"]


def test_missing_credentials_are_told_and_taken_up_when_they_come(desk: Desk):
    desk.write(document("SessionCookie", "console", samesite="Strict"))
    configure(desk, {"prod": {"url": desk.center.url}}, backoff=1)
    (desk.secrets / "cc-password").unlink()
    with running(desk, interval="300ms") as daemon:
        assert "cc-password" in daemon.becomes("error", "prod")["error"]
        assert desk.center.requests() == []
        desk.secret("cc-password", PASSWORD)
        daemon.becomes("converged", "prod")
