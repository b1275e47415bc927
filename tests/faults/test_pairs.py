"""Two crashes one after the other, at any two points: what is left of both is finished by whoever comes next.

In memory and on virtual time (see ``tests/machine/world.py``), so that thousands of pairs take seconds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings

from reconciler.policy import Policy
from tests.machine.world import World
from tests.systems.kit import deployment, five, role, user, worker

SHARDS = 4
PAIRS = {"quick": 10, "ci": 500, "long": 5000}
"""How many each shard tries, by the profile of the tests."""

ALL = Policy(prune=True, allow=frozenset({"replace", "redeploy"}), deletions=50)
LOGIN = {"user": "mddc", "password": {"secret": "pw"}}
KEYS = dict.fromkeys(("datalake", "warehouse", "caching", "broker"), LOGIN) | {
    "filestorage": {"connection_key": {"secret": "key"}}
}
SERVICES = five(**KEYS)
MOVED = five(**{**KEYS, "broker": {**LOGIN, "host": "elsewhere.internal"}})


@dataclass(frozen=True)
class Scene:
    """From `before`, which is applied undisturbed, to `after`; `live` are edits that come before both."""

    after: Sequence[str]
    before: Sequence[str] = ()
    live: Sequence[dict[str, Any]] = field(default_factory=list)

    def world(self) -> World:
        """A world in which `before` holds."""
        world = World(self.before, live=self.live, policy=ALL)
        if self.before:
            assert world.pass_().status == "converged"
        return world


def installer(version: str) -> dict[str, Any]:
    return {
        "collection": "installers",
        "add": {"name": f"ometascan-{version}-1-x64.msi", "checksum": version, "size": 1},
    }


def connected(number: int, type: str) -> dict[str, Any]:
    where = {"type": type, "display_name": type, "host": f"{type}.internal", "port": 1000 + number, "user": "mddc"}
    return {"collection": "services", "add": where}


INSTALLERS = [installer("5.15.0"), installer("5.16.0")]
CLUSTER = [*INSTALLERS, *(connected(number, type) for number, type in enumerate(KEYS))]
SCENES = {
    "create": Scene([role("r1"), role("r2"), user("a", "r1"), user("b", "r2"), worker("w1"), worker("w2")]),
    "replace": Scene(
        [role("r1", {"users": ["read"]}), user("a", "r1", email="new@b.c"), user("b", "r1")],
        before=[role("r1"), role("r2"), user("a", "r1", email="a@b.c"), user("b", "r1"), user("c", "r2")],
    ),
    "deploy": Scene([*SERVICES, worker("w1"), deployment("cores", "w1")], live=INSTALLERS),
    "upgrade": Scene(
        [*SERVICES, worker("w1"), deployment("cores", "w1", version="5.16.0")],
        before=[*SERVICES, worker("w1"), worker("w2"), deployment("cores", "w1", "w2")],
        live=CLUSTER,
    ),
    "thaw": Scene(
        [*MOVED, worker("w1"), deployment("cores", "w1")],
        before=[*SERVICES, worker("w1"), deployment("cores", "w1")],
        live=CLUSTER,
    ),
}


@pytest.mark.parametrize("shard", range(SHARDS))
def test_pairs_of_crashes(shard: int):
    profile = settings.get_current_profile_name()
    chance = random.Random(None if profile == "long" else shard)  # noqa: S311 - it only picks examples
    wanted = PAIRS[profile]
    pairs = 0
    points = {name: _points(scene) for name, scene in SCENES.items()}
    while pairs < wanted:
        name = chance.choice(sorted(SCENES))
        first = chance.randint(1, points[name])
        pairs += _crashed_twice(name, first, chance.randint(1, max(8, points[name] - first + 8)))


def _points(scene: Scene) -> int:
    world = scene.world()
    ended = world.pass_(scene.after)
    assert ended.status == "converged"
    return len(ended.points)


def _crashed_twice(name: str, first: int, second: int) -> bool:
    """Whether both crashes came about; whatever did, two runs right afterwards bring it all about."""
    scene = SCENES[name]
    world = scene.world()
    crashes = [world.pass_(scene.after, crash=point).killed for point in (first, second)]
    if world.pass_().status != "converged":
        world.pass_()
    world.wait(60)  # what was begun before the crashes may be under way for a while
    world.calm_down(1)
    last = world.ended[-1]
    told = f"{name}, killed at {first} and {second}\n{world.story()}"
    assert not world.violations(), told
    assert (last.status, last.writes) == ("converged", []), told
    return all(crashes)
