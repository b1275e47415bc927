"""What is held back: what isn't ours, what is to be kept, what is too much, and what looks like a mistake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from tests.e2e.kit import Desk, document, mostly_ci, user, worker

MakeDesk = Callable[..., Desk]
COOKIE = document("SessionCookie", "console", samesite="Lax")


def users(*names: str) -> list[str]:
    return [COOKIE, *(user(name) for name in names)]


@pytest.fixture
def staffed(desk: Desk) -> Desk:
    """Twenty users of ours, and a stranger."""
    desk.write(*users(*(f"u{number:02}" for number in range(20))))
    desk.apply().ended(0)
    desk.center.edit("users", add={"name": "stranger", "password": "x", "roles": []})
    desk.center.clear()
    return desk


def kept(count: int) -> list[str]:
    return users(*(f"u{number:02}" for number in range(count)))


@pytest.mark.ci
def test_a_removed_document_deletes_nothing_by_itself(staffed: Desk):
    staffed.write(*kept(19))
    report = staffed.apply().ended(0).json()
    assert report["steps"] == []
    assert any("User/u19" in warning and "--prune" in warning for warning in report["warnings"])
    assert staffed.center.writes() == []


def test_prune_deletes_what_is_ours_and_nothing_else(staffed: Desk):
    staffed.write(*kept(18))
    assert staffed.converges("--prune").statuses == {"delete/User/u18": "done", "delete/User/u19": "done"}
    assert staffed.center.writes() == ["deleteUser", "deleteUser"]
    assert "stranger" in staffed.center.names("users")


@pytest.mark.ci
def test_what_was_adopted_is_pruned_too(staffed: Desk):
    staffed.run("adopt", "User", "stranger").ended(0)
    assert [*staffed.converges("--prune").statuses] == ["delete/User/stranger"]


@pytest.mark.ci
def test_what_was_forgotten_isnt(staffed: Desk):
    staffed.run("forget", "User", "u19").ended(0)
    staffed.write(*kept(19))
    assert staffed.converges("--prune").statuses == {}


def test_prune_disabled_outlives_its_document(desk: Desk):
    desk.write(COOKIE, user("carol", annotations={"reconciler/prune": "disabled"}), user("dave"))
    desk.apply().ended(0)
    desk.write(COOKIE, user("dave"))
    report = desk.apply("--prune").ended(0).json()
    assert [(one["id"], one["rule"]) for one in report["held"]] == [("delete/User/carol", "prune-disabled")]
    assert report["steps"] == []
    assert "carol" in desk.center.names("users")


@pytest.mark.ci
def test_prune_may_be_disabled_later(desk: Desk):
    desk.write(COOKIE, user("carol"), user("dave"))
    desk.apply().ended(0)
    desk.write(COOKIE, user("carol", annotations={"reconciler/prune": "disabled"}), user("dave"))
    desk.apply().ended(0)
    desk.write(COOKIE, user("dave"))
    assert [one["rule"] for one in desk.plan("--prune").ended(0).json()["held"]] == ["prune-disabled"]


@pytest.mark.ci
def test_reconcile_disabled_leaves_a_document_alone(desk: Desk):
    off = {"reconciler/reconcile": "disabled"}
    desk.write(document("SessionCookie", "console", off, samesite="Strict"), worker("w"))
    report = desk.apply().ended(0).json()
    assert [one["rule"] for one in report["held"]] == ["reconcile-disabled"]
    assert desk.center.writes() == ["connectWorkers"]


def test_over_the_budget_nothing_is_destroyed(staffed: Desk):
    staffed.write(*kept(14), worker("w"))
    blocked = staffed.apply("--prune").ended(3)
    assert set(blocked.rules.values()) == {"budget"}
    assert len(blocked.rules) == 6
    assert staffed.center.writes() == ["connectWorkers"]
    assert "--allow deletions=6" in blocked.json()["blocked"][0]["remedy"]
    staffed.apply("--prune", "--allow", "deletions=5").ended(3)
    staffed.converges("--prune", "--allow", "deletions=6")
    assert staffed.center.writes().count("deleteUser") == 6


@pytest.mark.ci
def test_the_budget_of_a_day_outlives_the_process(make: MakeDesk):
    desk = make()
    desk.write(*(user(f"u{number:02}") for number in range(40)), COOKIE)
    desk.apply().ended(0)
    for left in (35, 30, 25, 20):
        desk.write(*kept(left))
        desk.apply("--prune").ended(0)
    desk.write(*kept(19))
    blocked = desk.apply("--prune").ended(3)
    assert blocked.rules == {"delete/User/u19": "budget"}
    assert "24 hours" in blocked.json()["blocked"][0]["reason"]
    assert "Budget  20 destructive" in desk.run("status", "--offline").out


@pytest.mark.ci
def test_more_than_half_of_a_kind_is_too_much(desk: Desk):
    desk.write(COOKIE, worker("a"), worker("b"), worker("c"))
    desk.apply().ended(0)
    desk.write(COOKIE, worker("a"))
    assert set(desk.apply("--prune").ended(3).rules.values()) == {"budget"}
    desk.write(COOKIE, worker("a"), worker("b"))
    desk.converges("--prune")


@pytest.mark.ci
def test_a_retention_that_is_lowered_counts_once(desk: Desk):
    """Four ranges are four requests, and one destructive step."""
    desk.center.options(cleanup_get="value")
    desk.write(document("Cleanup", "retention", auditlog=1, filestorage=1, warehouse=1, scanhistory=1))
    assert desk.plan().steps["update/Cleanup/retention"]["destructive"]
    desk.converges()
    assert desk.run("status", "--offline", "-o", "json").json()["spent"] == 1


@pytest.mark.parametrize("content", mostly_ci([None, "", "# nothing\n", "---\n---\n"], None))
def test_an_empty_tree_is_refused(staffed: Desk, content: str | None):
    (staffed.tree / "tree.yaml").unlink()
    if content is not None:
        (staffed.tree / "tree.yaml").write_text(content)
    for command in ("plan", "apply"):
        flags = ["--yes"] if command == "apply" else []
        result = staffed.run(command, "desired-state", "--prune", *flags).ended(1)
        assert "empty" in result.err
        assert result.out == ""
    assert staffed.center.requests() == []


def test_without_the_state_nothing_is_ours(staffed: Desk):
    shutil.rmtree(staffed.folder / "state")
    (staffed.folder / "state").mkdir()
    staffed.write(*kept(10))
    report = staffed.apply("--prune", "--allow", "replace", "--allow", "redeploy", "--allow", "deletions=99").ended(0)
    assert report.steps == {}
    assert staffed.center.writes() == []


@pytest.mark.ci
def test_a_server_that_was_reinstalled(staffed: Desk):
    """Many objects of ours are gone: it is asked before they are made again."""
    for number in range(20):
        staffed.center.edit("users", {"name": f"u{number:02}"}, delete=True)
    blocked = staffed.apply().ended(3)
    assert set(blocked.rules.values()) == {"recreate"}
    assert staffed.center.writes() == []
    staffed.converges("--allow", "recreate=20")


@pytest.mark.ci
def test_the_last_administrator_stays(make: MakeDesk):
    desk = make()
    desk.write(COOKIE, user("boss", roles=["administrator"]), user("dave"))
    desk.apply().ended(0)
    desk.write(COOKIE, user("dave"))
    assert desk.converges("--prune").statuses == {"delete/User/boss": "done"}  # admin is left


@pytest.mark.ci
def test_built_ins_stay(make: MakeDesk):
    desk = make()
    for name in ("admin", "system"):
        desk.run("adopt", "User", name).ended(0)
    desk.run("adopt", "Role", "administrator").ended(0)
    desk.write(COOKIE)
    blocked = desk.apply("--prune", "--allow", "deletions=9").ended(3)
    assert blocked.rules == {
        "delete/Role/administrator": "protected",
        "delete/User/admin": "protected",
        "delete/User/system": "protected",
    }


@pytest.mark.ci
def test_settings_arent_deleted(desk: Desk):
    desk.write(document("Session", "logins", sessionTimeout="15m"), COOKIE)
    desk.apply().ended(0)
    desk.write(COOKIE)
    report = desk.apply("--prune").ended(0).json()
    assert report["steps"] == []
    assert any("Session/logins" in warning and "unmanaged" in warning for warning in report["warnings"])
    assert desk.owned() == ["SessionCookie/console"]


@pytest.mark.ci
def test_what_cant_be_read_back_is_sent_again_only_on_demand(make: MakeDesk):
    desk = make("services")
    desk.write(document("Service", "broker", type="broker", host="broker.local", port=5672, user="broker",
                        password={"secret": "broker-password"}))  # fmt: skip
    plan = desk.plan("--detailed-exitcode").ended(0).json()
    assert plan["unknown"][0]["paths"] == ["/password"]
    assert [*desk.plan("--resend").ended(0).steps] == ["update/Service/broker"]
    desk.apply("--resend").ended(0)
    assert desk.plan("--detailed-exitcode").ended(0).json()["unknown"] == []
    desk.secret("broker-password", "canary-another")
    changes = desk.plan("--detailed-exitcode").ended(2).steps["update/Service/broker"]["changes"]
    assert changes == [{"path": "/password", "before": "(secret)", "after": "(secret, changed)"}]


# --- a setting that is sent whole


@pytest.mark.ci
def test_a_storage_that_the_server_hides_in_part_is_not_overwritten(make: MakeDesk):
    """A PUT sends it whole, so a config without the hidden value would replace what files are encrypted with."""
    desk = make("services")
    hidden = {
        "max_replica": 1,
        "min_replica": 1,
        "cleanuprange": 0,
        "storage": {"type": "salt", "config": {"key": "***"}},
    }
    desk.center.fault("getServiceSetting", {"body": json.dumps(hidden), "content_type": "application/json"}, times=0)
    desk.write(document("ServiceSetting", "filestorage", max_replica=2))
    report = desk.apply()
    assert report.statuses == {"update/ServiceSetting/filestorage": "failed"}
    assert "doesn't show key: give that in storage.config" in report.out
    assert desk.center.writes() == []
    desk.secret("storage-key", "canary-of-the-storage")
    storage = {"config": {"key": {"secret": "storage-key"}}}
    desk.write(document("ServiceSetting", "filestorage", max_replica=2, storage=storage))
    (step,) = desk.plan().ended(0).json()["steps"]
    assert step["destructive"]
    desk.apply()
    assert desk.center.writes() == ["putServiceSetting"]
    desk.center.clear_faults()
    shown = desk.center.state()["settings"]["servicesetting"]
    assert (shown["max_replica"], shown["storage"]["type"], [*shown["storage"]["config"]]) == (2, "salt", ["key"])
