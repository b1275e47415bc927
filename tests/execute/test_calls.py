"""Single calls: what comes before a write in the same call, and what is waited for after it."""

from __future__ import annotations

import pytest

from reconciler.policy import Policy
from tests.machine.schedules import INSTANCE, READ, TYPES, add, change
from tests.machine.wire import Fault, Wire
from tests.machine.world import Ended, World
from tests.systems.kit import deployment, doc, role, user, worker

OLD = user("alice", password={"secret": "pw"})
NEW = user("alice", password={"secret": "new"}, previous_password={"secret": "pw"})


def said(ended: Ended, step: str) -> tuple[str, str | None, int]:
    assert ended.report is not None
    found = ended.report.outcomes[step]
    return str(found.status), found.error, found.attempts


def test_what_fails_before_the_write_of_its_call_is_not_done() -> None:
    """A password is changed in a session of the user's own; that one can't be opened."""
    world = World([OLD])
    world.pass_()
    ended = world.pass_([NEW], faults=[Fault("html", "login", nth=2, times=9)])
    status, error, attempts = said(ended, "update/User/alice")
    assert (status, attempts, ended.writes) == ("failed", 0, [])
    assert error is not None
    assert "JSON" in error
    assert len(world.book.lines) == 1
    world.calm_down()
    assert [line.entry.operation for line in world.book.lines.values()] == ["createUser", "changePassword"]
    assert world.violations() == []


def test_a_password_is_changed_once() -> None:
    world = World([OLD])
    world.pass_()
    ended = world.pass_([NEW])
    assert (said(ended, "update/User/alice"), ended.writes) == (("done", None, 1), ["changePassword"])
    assert world.pass_().writes == []


def test_an_upgrade_is_over_when_the_last_instance_is() -> None:
    """The server upgrades one after the other; the answer comes at once."""
    names = ("w1", "w2", "w3")
    live = [
        *(add("installers", name=f"ometascan-5.1{n}.0-1-x64.msi", checksum=f"{n}" * 64, size=1) for n in (5, 6)),
        *(add("services", type=type, display_name=type, host=type, port=1000, user="u") for type in TYPES),
        *(add("workers", display_name=name, host=name, port=8893) for name in names),
        *(change("workers", {"display_name": name}, status="Deployed", instance=INSTANCE) for name in names),
    ]
    ours = [(kind, name) for kind in ("Worker", "Deployment") for name in names]
    documents = [*(worker(name) for name in names), deployment("cores", *names, version="5.16.0")]
    world = World(documents, live=live, ours=ours)
    ended = world.pass_()
    assert said(ended, "upgrade/Deployment/ometascan") == ("done", None, 1)
    now = world.center.snapshot()["workers"].values()
    assert [(one["status"], one["instance"]["version"]) for one in now] == [("Deployed", "5.16.0")] * 3


def test_a_setting_that_nobody_shows_is_sent_again_and_then_given_up() -> None:
    world = World([doc("Cleanup", "c", {"auditlog": 24})])
    ended = world.pass_(faults=[Fault("lost-reply", "putAuditlogCleanup", times=9)])
    status, error, attempts = said(ended, "update/Cleanup/c")
    assert (status, attempts) == ("unknown", 3)
    assert error is not None
    assert error.endswith("; the live side doesn't show whether it was done")
    assert [(line.status, line.charged) for line in world.book.lines.values()] == [
        ("not-done", 0), ("not-done", 0), ("unknown", 1),
    ]  # fmt: skip
    world.calm_down()
    assert world.violations() == []


def test_what_is_remembered_has_a_time() -> None:
    world = World([OLD, role("r1", READ), worker("w1")], policy=Policy(prune=True))
    world.pass_(faults=[Fault("lost-reply", "createUser"), Fault("lost-reply", "connectWorkers")])
    found = [one.at for sent in world.book.sent.values() for one in sent.values()]
    assert len(found) == 2
    assert all(at > 1_700_000_000 for at in found)


@pytest.mark.parametrize("seconds", [3.0, 7.0, 14.0])
def test_what_has_waited_too_long_for_its_turn_is_looked_at_again(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More calls get ready than are in flight, and what they have read may have grown old when a place is free."""
    world = World([user(f"u{number:02}", password={"secret": "pw"}) for number in range(40)])
    monkeypatch.setattr(Wire, "latency", (seconds, seconds))
    report = world.pass_().report
    assert report is not None
    assert {str(outcome.status) for outcome in report.outcomes.values()} == {"done"}
    assert {outcome.attempts for outcome in report.outcomes.values()} == {1}
    assert sum(one["name"].startswith("u") for one in world.center.snapshot()["users"].values()) == 40
    assert world.violations() == []
    assert world.pass_().writes == []
