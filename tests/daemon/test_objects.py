"""Each object of a target in one line: what the plan says of it, how its step ended, and how it is itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.daemon.objects import objects_of
from reconciler.daemon.state import Health, ObjectState, Sync
from reconciler.memory import Owned
from reconciler.model import Key
from reconciler.steps import Outcome, Plan, Report, Status, Verdict
from reconciler.systems.view import View
from reconciler.timing import Timing
from tests.plan.test_instances import CORES, W1, W2, cluster, mine
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    again,
    deployment,
    five,
    live_five,
    live_role,
    live_user,
    live_worker,
    owning,
    plan,
    role,
    user,
    view,
    worker,
)
from tests.systems.test_oneway import BUNNY, OTHER, UUID, bunny
from tests.systems.test_oneway import owning as owned
from tests.systems.test_oneway import view as small


def listed(seen: View, report: Report | None = None, **policy: Any) -> dict[str, tuple[str, str, str, str]]:
    """The objects' states by ``Kind/name``: sync, words, health, its words."""
    return by_name(objects_of(seen, plan(seen, **policy), report))


def by_name(found: tuple[ObjectState, ...]) -> dict[str, tuple[str, str, str, str]]:
    assert list(found) == sorted(found, key=lambda one: (one.kind, one.name))
    states = {
        f"{one.kind}/{one.name}": (one.sync.value, one.words, one.health.value, one.health_words) for one in found
    }
    assert len(states) == len(found)
    return states


def ended(made: Plan, outcomes: Mapping[str, tuple[Status, str | None]]) -> Report:
    """A report in which these steps ended so."""
    found = {id: Outcome(id, *how) for id, how in outcomes.items()}
    return Report(made, found, Verdict.FAILED, {})


def test_every_declared_object_is_listed_with_what_the_plan_says() -> None:
    live = {
        "listUsers": [ADMIN, live_user(5, "alice")],
        "listRoles": [ADMINISTRATOR, live_role(2, "ops", {"a": ["b"]})],
    }
    off = role("off", reconcile="disabled")
    seen = view(role("ops", {"a": ["b"]}), role("new"), off, user("alice", email="x@y.z"), live=live)
    assert listed(seen) == {
        "Role/new": ("pending", "", "missing", ""),
        "Role/off": ("held", "reconcile-disabled: Role/off says reconciler/reconcile: disabled", "missing", ""),
        "Role/ops": ("synced", "", "healthy", ""),
        "User/alice": ("blocked", "not-owned: User/alice was not created by us", "healthy", ""),
    }


def test_the_moment_is_told_too() -> None:
    seen = cluster(W1, CORES, *five(caching={"port": 1}))
    sick: dict[Key, str] = {("Service", ("caching", "caching")): "failed 3 times"}
    made = plan(mine(W1, CORES, *five(caching={"port": 1})), allow=["redeploy"], timing=Timing(quarantined=sick))
    found = by_name(objects_of(seen, made))
    assert found["Service/caching"][:2] == ("blocked", "quarantined: failed 3 times")
    assert found["Deployment/cores/w1"][:2] == ("blocked", "quarantined: waits for update/Service/caching")


def test_what_is_ours_without_a_document_is_listed_while_it_is_there() -> None:
    users = [ADMIN, *(live_user(number, f"u{number}") for number in (5, 6, 7))]
    seen = owning(view(user("u5"), live={"listUsers": users}), *(("User", ("LOCAL", f"u{n}")) for n in (5, 6)))
    gone = Owned("User", ("LOCAL", "gone"), "9", "gone", "gone")
    other = Owned("User", ("LOCAL", "u7"), "70", "u7", "u7")
    memory = replace(seen.memory, owned={**seen.memory.owned, gone.key: gone, other.key: other})
    seen = again(seen, memory=memory)
    assert listed(seen)["User/u6"] == ("held", "no document asks for it any more", "healthy", "")
    assert sorted(listed(seen)) == ["User/u5", "User/u6"]
    assert listed(seen, prune=True)["User/u6"][:2] == ("pending", "no document asks for it any more")


def test_what_can_not_be_read_is_neither_missing_nor_gone() -> None:
    seen = owning(view(role("r"), live={"listRoles": [ADMINISTRATOR, live_role(2, "r"), live_role(3, "old")]}), "Role")
    blind = again(seen, collections={**seen.collections, "roles": view(live={"listRoles": 500}).collections["roles"]})
    found = listed(blind)
    assert found["Role/r"][0::2] == ("blocked", "unknown")
    assert found["Role/old"] == ("blocked", "unreadable", "unknown", "the live side couldn't be read")
    hidden = listed(view(role("r"), live={"listRoles": 404}))
    assert hidden["Role/r"][2:] == ("unknown", "the server doesn't show it")


def test_each_instance_and_each_worker_has_its_own_health() -> None:
    workers = [live_worker("w1", "5.15.0", status="Failed"), live_worker("w2", status="Disconnected")]
    services = live_five()
    services[0]["status"] = "Down"
    found = listed(cluster(W1, W2, CORES, *five(), workers=workers, live={"listServices": services}))
    assert {name: one[2:] for name, one in found.items() if name.startswith(("D", "W", "Service/d"))} == {
        "Deployment/cores/w1": ("degraded", "failed; the Control Center's log says why"),
        "Service/datalake": ("degraded", "Down"),
        "Worker/w1": ("healthy", "failed"),
        "Worker/w2": ("degraded", "disconnected"),
    }
    assert {one[0] for one in found.values()} == {"synced"}


def test_a_report_says_how_each_step_of_its_plan_ended() -> None:
    documents = [role("a"), role("b"), role("c"), role("d"), worker("w"), user("u", "a")]
    seen = owning(view(*documents, live={"listUsers": [ADMIN, live_user(5, "old")]}), ("User", ("LOCAL", "old")))
    made = plan(seen, prune=True)
    report = ended(
        made,
        {
            "create/Role/a": (Status.FAILED, "500: no"),
            "create/Role/b": (Status.DONE, None),
            "create/Role/c": (Status.UNKNOWN, "no answer"),
            "create/Worker/w": (Status.PROGRESSING, "not settled in time: Connecting"),
            "create/User/u": (Status.SKIPPED, "waits for create/Role/a, which failed"),
            "delete/User/old": (Status.DONE, None),
        },
    )
    assert by_name(objects_of(seen, made, report)) == {
        "Role/a": ("failed", "500: no", "missing", ""),
        "Role/b": ("synced", "", "healthy", ""),
        "Role/c": ("failed", "no answer", "missing", ""),
        "Role/d": ("pending", "", "missing", ""),
        "User/u": ("pending", "waits for create/Role/a, which failed", "missing", ""),
        "Worker/w": ("pending", "not settled in time: Connecting", "progressing", "not settled in time: Connecting"),
    }


def test_of_an_earlier_report_only_failures_still_say_something() -> None:
    seen = view(role("a"), role("b"), role("c"))
    made = plan(seen)
    report = ended(made, {"create/Role/a": (Status.FAILED, "500: no"), "create/Role/b": (Status.DONE, None)})
    later = again(seen, desired=view(role("a"), role("b")).desired)
    assert by_name(objects_of(later, plan(later), report)) == {
        "Role/a": ("failed", "500: no", "missing", ""),
        "Role/b": ("pending", "", "missing", ""),
    }


def test_an_upgrade_is_told_of_every_instance() -> None:
    workers = [live_worker("w1", "5.15.0"), live_worker("w2", "5.15.0")]
    found = listed(mine(W1, W2, *five(), deployment("cores", "w1", "w2", version="5.16.0"), workers=workers))
    assert {found[f"Deployment/cores/{name}"][0] for name in ("w1", "w2")} == {"pending"}


def test_what_was_acknowledged_for_good_is_listed_by_its_document_only() -> None:
    kind = "DeliverableRejection"
    seen = small(BUNNY, bunny(UUID), owned=owned(kind, UUID, OTHER))
    assert listed(seen) == {f"{kind}/{UUID}": ("synced", "", "healthy", "")}
    assert listed(small(BUNNY, bunny(UUID)))[f"{kind}/{UUID}"][0::2] == ("pending", "unknown")


@pytest.mark.ci
def test_a_targets_objects_are_listed_in_less_than_a_millisecond() -> None:
    users = [ADMIN, *(live_user(number, f"u{number}") for number in range(10, 30))]
    mine = [("User", ("LOCAL", f"u{number}")) for number in range(10, 30)]
    seen = owning(view(*(user(f"u{number}") for number in range(10, 30)), live={"listUsers": users}), *mine)
    made = plan(seen)
    started = time.perf_counter()
    for _ in range(100):
        found = objects_of(seen, made)
    assert (time.perf_counter() - started) / 100 < 0.001
    assert {(one.sync, one.health) for one in found} == {(Sync.SYNCED, Health.HEALTHY)}
    assert len(found) == 20
