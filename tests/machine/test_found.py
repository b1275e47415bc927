"""What the machine has found, as short as it gets."""

from __future__ import annotations

import pytest

from reconciler.policy import Policy
from tests.machine.schedules import READ, TYPES, add
from tests.machine.wire import Edit, Fault
from tests.machine.world import World
from tests.systems.kit import deployment, role, user, worker

REPLACING = Policy(prune=True, allow=frozenset({"replace"}))
ALICE = user("alice", "administrator")


def test_a_list_that_lied_makes_nothing_ours():
    """It wasn't listed, its create got lost, and then it was there: it had been there all along."""
    world = World([ALICE, role("r1")], live=[add("users", name="alice")], policy=REPLACING)
    world.pass_(faults=[Fault("empty-list", "listUsers"), Fault("lost-request", "createUser", times=9)])
    world.pass_()
    world.pass_([role("r1")])
    world.calm_down()
    assert not world.violations(), world.story()
    assert "alice" in [one["name"] for one in world.center.snapshot()["users"].values()]


def test_nothing_is_taken_down_before_what_it_needs_to_come_back():
    live = [add("users", name="alice", email="old@b.c")]
    world = World([role("r1"), user("alice", "r1")], live=live, ours=[("User", "alice")], policy=REPLACING)
    ended = world.pass_(faults=[Fault("500", "createRole", times=9)])
    assert "deleteUser" not in ended.writes
    world.calm_down()
    assert not world.violations(), world.story()


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_role_that_somebody_is_given_meanwhile_stays(nth: int):
    world = World([role("r2")], live=[add("roles", name="r1")], ours=[("Role", "r1")], policy=REPLACING)
    world.pass_(edits=[Edit(add("users", name="carol", roles=["r1"]), "read", nth)])
    world.calm_down()
    assert not world.violations(), world.story()


@pytest.mark.parametrize("operation", ["listRoles", "listUsers", "listUserDirectories"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_read_that_took_long_makes_the_others_old(operation: str, nth: int):
    live = [add("users", name="alice", email="old@b.c")]
    documents = [role("r1", READ), user("alice", "r1")]
    world = World(documents, live=live, ours=[("User", "alice")], policy=REPLACING)
    world.pass_(faults=[Fault("slow", operation, nth)])
    world.calm_down()
    assert not world.violations(), world.story()


def test_a_look_within_a_call_that_took_long_makes_what_was_read_before_old():
    live = [
        add("installers", name="ometascan-5.15.0-1-x64.msi", checksum="5" * 64, size=1),
        *(add("services", type=type, host=type, port=1, user="u") for type in TYPES),
    ]
    world = World([worker("w1"), deployment("cores", "w1")], live=live)
    ended = world.pass_(faults=[Fault("slow", "listAvailableWorkers")])
    assert "deployWorkers" in ended.writes
    assert not world.violations(), world.story()


def test_a_role_that_has_no_name_is_no_difference():
    """Where roles can't be listed, a user shows the id of a role that we never made."""
    world = World([ALICE], settings={"role_list": "404"}, policy=REPLACING)
    assert world.pass_().writes == ["createUser"]
    assert world.pass_().writes == []
