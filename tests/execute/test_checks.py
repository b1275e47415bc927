"""What is looked at right before a write: whatever has changed since the plan stops it, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.execute.checks import NotReady, Ready, UnderWay, prepared
from reconciler.steps import Action, Step
from reconciler.systems.base import Verb, Work
from reconciler.systems.view import View
from tests.plan.test_accounts import accounts
from tests.plan.test_instances import CORES, W1, W2, cluster
from tests.systems.kit import (
    SYSTEM,
    deployment,
    doc,
    facts,
    live_installer,
    live_role,
    live_service,
    live_user,
    live_worker,
    role,
    service,
    user,
    view,
    work_on,
)

ALICE = user("alice", email="n")


def ready(kind: str, verb: Verb, planned: View, now: View, name: str = "alice", action: Action | None = None) -> Work:
    """What is left to be done of what was planned with the first view, at the moment of the second."""
    work = work_on(planned, kind, name)
    if verb is Verb.CREATE:
        work = replace(work, live=None)
    step = Step(f"x/{kind}/{name}", action or Action(verb.value), kind, name, ())
    return prepared(SYSTEM.kinds[kind], verb, work, step, now)


def stopped(kind: str, verb: Verb, planned: View, now: View, name: str = "alice", **more: Any) -> str:
    with pytest.raises(NotReady) as why:
        ready(kind, verb, planned, now, name, **more)
    return str(why.value)


def test_what_is_as_it_was_is_done_with_what_is_there_now() -> None:
    seen, now = accounts(ALICE), accounts(ALICE, users=[live_user(5, "alice", [2])])
    found = ready("User", Verb.UPDATE, seen, now)
    assert found.live is now.live_index("User")["LOCAL", "alice"]
    gone = accounts(ALICE, users=[])
    assert ready("User", Verb.CREATE, gone, gone).live is None


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.UPDATE, Verb.DELETE])
def test_nothing_is_written_on_what_can_not_be_read(verb: Verb) -> None:
    broken = view(ALICE, live={"listUsers": 500})
    said = stopped("User", verb, accounts(ALICE), broken)
    assert said.startswith("the live side couldn't be read right before the write (users: GET /admin/user")


def test_what_has_come_to_exist_is_not_made_again() -> None:
    seen, now = accounts(ALICE, users=[]), accounts(ALICE)
    assert stopped("User", Verb.CREATE, seen, now) == "it has come to exist since the plan was made: plan again"
    said = stopped("User", Verb.CREATE, seen, now, action=Action.REPLACE)
    assert said == "what was taken down is still, or again, there: plan again"


def test_what_can_not_be_looked_for_is_made() -> None:
    unlisted = view(role("ops"), live={"listRoles": 405})
    assert ready("Role", Verb.CREATE, unlisted, unlisted, "ops").item is not None


def test_what_is_gone_is_not_changed_and_need_not_be_deleted() -> None:
    seen, now = accounts(ALICE), accounts(ALICE, users=[])
    assert stopped("User", Verb.UPDATE, seen, now) == "it is gone since the plan was made: plan again"
    with pytest.raises(Ready):
        ready("User", Verb.DELETE, seen, now)


def test_another_object_under_the_name_is_left_alone() -> None:
    seen, now = accounts(ALICE), accounts(ALICE, users=[live_user(6, "alice", [2])])
    for verb in (Verb.UPDATE, Verb.DELETE):
        said = stopped("User", verb, seen, now)
        assert said == "another object has taken its place (id 6, planned with 5): plan again"


def test_what_somebody_else_changed_is_planned_again() -> None:
    seen, now = accounts(ALICE), accounts(ALICE, users=[live_user(5, "alice", [2], email="theirs")])
    for verb in (Verb.UPDATE, Verb.DELETE):
        said = stopped("User", verb, seen, now)
        assert said == "it was changed by somebody else since the plan was made: plan again"


def test_a_kind_may_object() -> None:
    seen = view(role("ops"), live={"listRoles": [live_role(2, "ops")]})
    held = accounts(role("ops"), roles=[live_role(2, "ops")])
    assert ready("Role", Verb.DELETE, seen, seen, "ops").live is not None
    assert "alice" in stopped("Role", Verb.DELETE, seen, held, "ops")


@pytest.mark.parametrize("status", ["Upgrading", "UPGRADING"])
def test_an_upgrade_that_has_begun_is_not_begun_again(status: str) -> None:
    """Whoever of the type shows it: the upgrade goes over its instances one after the other."""
    documents = [W1, W2, deployment("cores", "w1", "w2", version="5.16.0")]
    seen = cluster(*documents, workers=[live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")])
    now = cluster(*documents, workers=[live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0", status=status)])
    assert ready("Deployment", Verb.UPGRADE, seen, seen, "cores/w1").live is not None
    with pytest.raises(UnderWay):
        ready("Deployment", Verb.UPGRADE, seen, now, "cores/w1")


def test_an_undeployment_that_has_begun_is_not_begun_again() -> None:
    seen = cluster(W1, CORES)
    now = cluster(W1, CORES, workers=[live_worker("w1", "5.15.0", status="Undeploying")])
    assert ready("Deployment", Verb.DELETE, seen, seen, "cores/w1").live is not None
    with pytest.raises(UnderWay):
        ready("Deployment", Verb.DELETE, seen, now, "cores/w1")


def test_an_installer_that_came_into_use_stays() -> None:
    installer = doc("Installer", "core", {"file": "ometascan-5.15.0-1-x64.msi"})
    files = facts("ometascan-5.15.0-1-x64.msi")
    live = {"listInstallers": {"i-5.15.0": live_installer("5.15.0")}}
    seen = view(installer, live=live, files=files)
    now = view(installer, live={**live, "listWorkers": [live_worker("w1", "5.15.0")]}, files=files)
    name = seen.live("Installer")[0].name
    assert ready("Installer", Verb.DELETE, seen, seen, name).live is not None
    assert stopped("Installer", Verb.DELETE, seen, now, name) == "an instance of it is deployed now: plan again"


def test_a_worker_that_got_an_instance_stays() -> None:
    seen, now = cluster(W1, workers=[live_worker("w1")]), cluster(W1, workers=[live_worker("w1", "5.15.0")])
    assert ready("Worker", Verb.DELETE, seen, seen, "w1").live is not None
    assert stopped("Worker", Verb.DELETE, seen, now, "w1") == "an instance is deployed on it now: plan again"


def test_a_service_is_not_edited_once_something_is_deployed() -> None:
    wanted = service("caching", host="elsewhere")
    live = {"listServices": [live_service("1", "caching", "cache.internal", 6379, "caching")]}
    seen = view(wanted, live=live)
    now = view(wanted, live={**live, "listWorkers": [live_worker("w1", "5.15.0")]})
    assert ready("Service", Verb.UPDATE, seen, seen, "caching").live is not None
    assert stopped("Service", Verb.UPDATE, seen, now, "caching")
