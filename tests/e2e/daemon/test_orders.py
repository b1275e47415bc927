"""What operators agree to, and what is left alone: approvals, quarantined objects, the pace of what fails."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.daemon.kit import READ, Daemon, another_center, configure, eventually, running
from tests.e2e.kit import Desk, document

NAMES = [f"role-{number}" for number in range(7)]


def roles(*names: str, **spec: Any) -> list[str]:
    return [document("Role", name, display_name=name, **spec) for name in names]


def pending(daemon: Daemon, name: str = "default") -> dict[str, Any]:
    """The pending plan, once something in it is over the budget."""

    def look() -> dict[str, Any] | None:
        plans = daemon.ask("GET", f"/api/v1/plan?target={name}").json()["items"]
        return next((one for one in plans if any(step["rule"] == "budget" for step in one["blocked"])), None)

    return eventually(look)


def gone(desk: Desk, *names: str) -> bool:
    return not set(names) & set(desk.center.names("roles"))


@pytest.mark.ci
def test_a_plan_over_the_budget_is_carried_out_once_when_its_digest_is_approved(desk: Desk):
    desk.write(*roles("stays", *NAMES))
    with running(desk, "--prune", interval="300ms") as daemon:
        daemon.becomes("converged")
        desk.write(*roles("stays"))
        digest = pending(daemon)["digest"]
        assert daemon.becomes("blocked")["digest"] == digest
        daemon.order("approvals", {"digest": f"sha256:{'0' * 64}"}, 422)
        daemon.order("approvals", {"digest": "sha256:short"}, 422)
        assert daemon.ask("POST", "/api/v1/approvals", READ, json={"digest": digest}).status_code == 403
        # The live side changes: what was agreed to is another plan then, and nothing is done.
        before = desk.center.last()
        desk.center.edit("roles", {"name": NAMES[0]}, set={"display_name": "edited"})
        changed = eventually(lambda: one if (one := pending(daemon)["digest"]) != digest else None)
        daemon.order("approvals", {"digest": digest}, 422)
        assert desk.center.writes(before) == []
        daemon.order("approvals", {"digest": changed}, 201)
        eventually(lambda: gone(desk, *NAMES))
        assert daemon.becomes("converged")["approvals"] == []
        assert desk.center.writes(before) == ["deleteRole"] * len(NAMES)
        assert any("approved by operate-token" in one["mode"] for one in daemon.history())
        # The same again isn't agreed to.
        desk.write(*roles("stays", *NAMES))
        eventually(lambda: not gone(desk, NAMES[-1]))
        daemon.becomes("converged")
        desk.write(*roles("stays"))
        pending(daemon)
        daemon.passes()
        assert set(NAMES) <= set(desk.center.names("roles"))


@pytest.mark.ci
def test_an_approval_is_void_when_the_live_side_changes_afterwards(desk: Desk):
    desk.write(*roles("stays", *NAMES))
    with running(desk, "--prune", interval="1s") as daemon:
        daemon.becomes("converged")
        desk.write(*roles("stays"))
        digest = pending(daemon)["digest"]
        before = desk.center.last()
        daemon.order("targets/default/suspend", {"reason": "so that the approval waits"})
        daemon.becomes("suspended")
        daemon.order("approvals", {"digest": digest}, 201)
        desk.center.edit("roles", {"name": NAMES[0]}, set={"display_name": "edited"})
        daemon.order("targets/default/resume")
        daemon.becomes("blocked")
        daemon.passes(times=2)
        assert desk.center.writes(before) == []
        assert [one["digest"] for one in daemon.target()["approvals"]] == [digest]


def sick(desk: Desk) -> None:
    """A server that refuses a user, and quotes the password while it does."""
    desk.center.fault("createUser", {"status": 400, "body": json.dumps({"err": "canary/bob+é is too weak"})}, times=0)


def bob() -> str:
    return document("User", "bob", display_name="Bob", directory="LOCAL", roles=["analyst"], password={"secret": "bob"})


def is_quarantined(daemon: Daemon) -> bool:
    plans = daemon.ask("GET", "/api/v1/plan?target=default").json()["items"]
    return any(one["rule"] == "quarantined" for plan in plans for one in plan["blocked"])


@pytest.mark.ci
def test_what_fails_three_times_is_left_alone_while_the_others_go_on(desk: Desk):
    desk.write(*roles("analyst"), bob())
    sick(desk)
    with running(desk, interval="300ms") as daemon:
        eventually(lambda: is_quarantined(daemon))
        assert desk.center.sent().count("createUser") == 3
        daemon.becomes("blocked")
        shown = {one["name"]: one for one in daemon.target()["objects"]}["bob"]
        assert shown["sync"] == "blocked"
        assert "is too weak" in shown["words"]  # and the password isn't: the desk looks for it everywhere
        # The others have the pace of their target again.
        desk.write(*roles("analyst", "another"), bob())
        eventually(lambda: not gone(desk, "another"))
        daemon.passes(times=3)
        assert desk.center.sent().count("createUser") == 3
        # It is tried at once when somebody asks for it, and left alone again.
        daemon.order("targets/default/reconcile", code=202)
        eventually(lambda: desk.center.sent().count("createUser") == 4)
        eventually(lambda: is_quarantined(daemon))
        daemon.passes()
        assert desk.center.sent().count("createUser") == 4
        desk.center.clear_faults()
        daemon.passes(times=2)
        assert desk.center.sent().count("createUser") == 4
        daemon.stop()
    with running(desk, interval="300ms") as daemon:  # also across a restart
        daemon.becomes("blocked")
        assert desk.center.sent().count("createUser") == 4
        daemon.order("reconcile", code=202)
        daemon.becomes("converged")
        assert "bob" in desk.center.names("users")
        # What went well is forgotten: it takes three failures again.
        sick(desk)
        assert desk.center.edit("users", {"name": "bob"}, delete=True) == 1
        eventually(lambda: desk.center.sent().count("createUser") == 8)
        eventually(lambda: is_quarantined(daemon))


@pytest.mark.ci
def test_failing_passes_are_further_and_further_apart_up_to_a_cap(desk: Desk):
    desk.write(*roles("analyst"))
    configure(desk, {"prod": {"url": desk.center.url}}, backoff=1.6)
    desk.center.fault(None, {"status": 500}, method="GET", times=0)
    with running(desk, interval="200ms") as daemon:
        failed = eventually(lambda: one if len(one := daemon.said("pass failed")) >= 8 else None, 60)
        assert daemon.target("prod")["failures"] >= 8
        starts = [_seconds(one) - one["seconds"] for one in failed]
        ends = [_seconds(one) for one in failed]
        pauses = [start - end for start, end in zip(starts[1:], ends, strict=False)]
        assert max(pauses) < 1.6 + 4, pauses
        assert min(pauses[4:]) > 0.7, pauses  # at least half of what is due
        assert pauses[0] < 3, pauses
        desk.center.clear_faults()
        assert daemon.becomes("converged", "prod")["failures"] == 0
        before = time.monotonic()
        daemon.passes("prod", 3)
        assert time.monotonic() - before < 10


def _seconds(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


# --- several targets


@pytest.mark.ci
@pytest.mark.parametrize("parallelism", [16, 1])
def test_neither_a_slow_nor_a_failing_target_holds_up_the_others(desk: Desk, parallelism: int):
    with ExitStack() as stack:
        slow, broken = (stack.enter_context(another_center(desk, name)) for name in ("slow", "broken"))
        urls = {"good": desk.center.url, "slow": slow.url, "broken": broken.url}
        targets = {name: {"url": url, "path": name} for name, url in urls.items()}
        for name in targets:
            (desk.tree / name).mkdir()
            desk.write(*roles("analyst"), file=f"{name}/roles.yaml")
        configure(desk, targets, parallelism=parallelism)
        slow.fault(None, {"delay": 15.0}, times=0, method="GET")
        broken.fault(None, {"status": 500}, times=0, method="GET")
        daemon = stack.enter_context(running(desk, interval="300ms"))
        daemon.becomes("error", "broken")
        daemon.becomes("converged", "good")
        before = desk.center.last()
        desk.write(*roles("analyst", "another"), file="good/roles.yaml")
        saved = time.monotonic()
        eventually(lambda: not gone(desk, "another"))
        assert time.monotonic() - saved < 14
        assert desk.center.writes(before) == ["createRole"]
        daemon.passes("good", 3)
        slow.clear_faults()
        broken.clear_faults()
        daemon.becomes("converged", "slow")
        daemon.becomes("converged", "broken")
