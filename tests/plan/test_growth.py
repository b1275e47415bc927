"""Whatever happens to many objects at once: a plan of four times as many runs four times the lines, and needs four
times the memory. Time isn't looked at, for it depends on the machine."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.memory import OpenEntry
from reconciler.model import Ref
from reconciler.render import render_plan
from reconciler.settle import as_settled
from reconciler.systems.view import View
from tests.plan.test_instances import FILE, cluster
from tests.systems.kit import (
    ADMIN,
    ADMINISTRATOR,
    again,
    deployment,
    doc,
    facts,
    five,
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

FEW, MANY = 40, 160
Case = tuple[View, dict[str, Any]]
ALL = {"prune": True, "deletions": 100_000, "allow": ("replace", "redeploy")}


def names(n: int) -> list[str]:
    return [f"u{number:04}" for number in range(n)]


def accounts(documents: list[str], n: int, roles: int = 1, **more: Any) -> View:
    users = [ADMIN, *(live_user(10 + at, name, [roles]) for at, name in enumerate(names(n)))]
    live = {"listUsers": users, "listRoles": [ADMINISTRATOR, live_role(2, "ops")], **more}
    return owning(view(*documents, live=live), "User", "Role")


def created(n: int) -> Case:
    return view(*(user(name, "administrator") for name in names(n))), {}


def only_one(n: int) -> Case:
    return created(n)[0], {"only": frozenset({Ref("User", "u0001")})}


def in_sync(n: int) -> Case:
    return accounts([user(name, "administrator") for name in names(n)], n), {}


def switched_off(n: int) -> Case:
    return view(*(user(name, "administrator", annotations={"reconcile": "disabled"}) for name in names(n))), {}


def replaced(n: int) -> Case:
    return accounts([user(name, "administrator", email="x@y.z") for name in names(n)], n), ALL


def replaced_unasked(n: int) -> Case:
    return replaced(n)[0], {}


def deleted(n: int) -> Case:
    return accounts([], n), ALL


def deleted_over_budget(n: int) -> Case:
    return accounts([], n), {"prune": True}


def ours_no_more(n: int) -> Case:
    return accounts([], n), {}


def vanished(n: int) -> Case:
    seen = accounts([user(name, "administrator") for name in names(n)], n)
    return again(created(n)[0], memory=seen.memory), {}


def unsettled(n: int) -> Case:
    seen = created(n)[0]
    keys = [("User", ("LOCAL", name)) for name in names(n)]
    entries = tuple(OpenEntry(at, "createUser", "create", (key,), 1.0, "") for at, key in enumerate(keys))
    return again(seen, memory=replace(seen.memory, open=entries)), {}


def held_role(n: int) -> Case:
    """A role is replaced, and with it all who hold it."""
    documents = [role("ops", {"workers": ["read"]}), *(user(name, "ops") for name in names(n))]
    return accounts(documents, n, 2), ALL


def held_role_unasked(n: int) -> Case:
    return held_role(n)[0], {}


def held_role_blocked(n: int) -> Case:
    """One of those who hold it isn't declared."""
    documents = [role("ops", {"workers": ["read"]}), *(user(name, "ops") for name in names(n)[1:])]
    return accounts(documents, n, 2), {**ALL, "prune": False}


def one_of_a_group(n: int) -> Case:
    return held_role(n)[0], {**ALL, "only": frozenset({Ref("User", "u0001")})}


MINE = ("Worker", "Service", "Installer", "Deployment")


def deployed(n: int, *documents: str, version: str | None = "5.15.0", live: str = "5.15.0", **more: Any) -> View:
    workers = [live_worker(name, live or None, **more) for name in names(n)]
    wanted = [*(worker(name) for name in names(n)), *documents]
    wanted += [deployment("cores", *names(n), version=version)] if version else []
    return owning(cluster(*wanted, workers=workers), *MINE)


def deploy(n: int) -> Case:
    installer = doc("Installer", "core", {"file": FILE.format("5.15.0")})
    wanted = deployment("cores", *names(n), version=None, installer="core")
    documents = [*five(), *(worker(name) for name in names(n)), installer, wanted]
    return view(*documents, files=facts(FILE.format("5.15.0"))), {}


def upgraded(n: int) -> Case:
    return deployed(n, *five(), version="5.16.0"), ALL


def downgraded(n: int) -> Case:
    return deployed(n, *five(), version="5.15.0", live="5.16.0"), ALL


def around_an_edit(n: int) -> Case:
    return deployed(n, *five(caching={"port": 4711})), ALL


def frozen(n: int) -> Case:
    return deployed(n, *five(caching={"port": 4711})), {}


def undeployed(n: int) -> Case:
    return deployed(n, *five(), version=None), ALL


def workers_gone(n: int) -> Case:
    seen = cluster(*five(), workers=[live_worker(name, "5.15.0") for name in names(n)])
    return owning(seen, *MINE), ALL


def workers_used(n: int) -> Case:
    wanted = [deployment("cores", *names(n))]
    return owning(cluster(*five(), *wanted, workers=[live_worker(name, "5.15.0") for name in names(n)]), *MINE), ALL


def other_type(n: int) -> Case:
    workers = [live_worker(name, "5.15.0", type="api-gateway") for name in names(n)]
    wanted = [*five(), *(worker(name) for name in names(n)), deployment("cores", *names(n))]
    return owning(cluster(*wanted, workers=workers), *MINE), ALL


def unavailable(n: int) -> Case:
    workers = [live_worker(name, status="Failed") for name in names(n)]
    wanted = [*five(), *(worker(name) for name in names(n)), deployment("cores", *names(n))]
    return owning(cluster(*wanted, workers=workers), *MINE), {}


CASES = [
    created,
    only_one,
    in_sync,
    switched_off,
    replaced,
    replaced_unasked,
    deleted,
    deleted_over_budget,
    ours_no_more,
    vanished,
    unsettled,
    held_role,
    held_role_unasked,
    held_role_blocked,
    one_of_a_group,
    deploy,
    upgraded,
    downgraded,
    around_an_edit,
    frozen,
    undeployed,
    workers_gone,
    workers_used,
    other_type,
    unavailable,
]


@pytest.mark.parametrize("case", CASES)
def test_lines_grow_as_the_objects_do(case: Callable[[int], Case]) -> None:
    few, many = (lines_of(*case(n)) for n in (FEW, MANY))
    assert many < 1.1 * MANY / FEW * few


def test_what_a_cut_short_batch_has_left_open_is_settled_in_time_that_grows_as_its_objects_do() -> None:
    def case(n: int, action: str, *, there: bool) -> View:
        seen = cluster(*(worker(name) for name in names(n)), workers=[live_worker(name) for name in names(n) if there])
        entry = OpenEntry(1, "connectWorkers", action, tuple(item.key for item in seen.items("Worker")), 1.0, "")
        return again(seen, memory=replace(seen.memory, open=(entry,)))

    for action, there in (("create", False), ("delete", True)):
        few, many = (lines_of(case(n, action, there=there), {}, as_settled) for n in (FEW, MANY))
        assert many < 1.1 * MANY / FEW * few


@pytest.mark.parametrize("case", [held_role, held_role_blocked, one_of_a_group, around_an_edit])
def test_memory_grows_as_a_group_does(case: Callable[[int], Case]) -> None:
    """To write down for each of a group who else is in it takes few lines, and four times four times the memory."""
    peak_of(*case(FEW))  # what is loaded and kept the first time
    few, many = (peak_of(*case(n)) for n in (MANY, 4 * MANY))
    assert many < 2 * 4 * few


def planned(seen: View, **policy: Any) -> object:
    return render_plan(plan(seen, **policy), "text")


def lines_of(seen: View, policy: dict[str, Any], work: Callable[..., object] = planned) -> int:
    """The lines of Python that it takes; by default a plan and its text."""
    numbers = count()

    def each(frame: FrameType, event: str, argument: object) -> Any:
        next(numbers)
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        work(seen, **policy)
    finally:
        sys.settrace(before)
    return next(numbers)


def peak_of(seen: View, policy: dict[str, Any]) -> int:
    """The bytes that a plan takes at its most."""
    tracemalloc.start()
    try:
        plan(seen, **policy)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
