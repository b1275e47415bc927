"""A process that dies by SIGKILL at each of five points around every write: the next run finishes what it began."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.kit import Result
from tests.e2e.processes import HURRIED
from tests.faults.conftest import Bases
from tests.faults.killer import POINTS
from tests.faults.kit import FarCenter, FarDesk
from tests.faults.scenes import EXAMPLE, SCENES, Scene

SHARD = 5
COMMAND = ("apply", "desired-state", "-o", "json", "--yes", "--poll", "0.05")
APPLY = (*COMMAND, "--parallelism", "1")
SHARDS = [
    pytest.param(scene, point, first, id=f"{scene.name}-{point}-{first}")
    for scene in SCENES
    for point in POINTS
    for first in range(1, scene.writes + 1, SHARD)
]


@pytest.fixture
def stage(center: FarCenter, zygote: subprocess.Popen[str], bases: Bases, tmp_path: Path):
    """Sets a scene, in a folder of its own."""

    def build(scene: Scene, name: str) -> FarDesk:
        desk = scene.desk(bases[scene], tmp_path / name, center)
        desk.zygote = zygote
        desk.env[HURRIED] = "1"
        return desk

    return build


@pytest.mark.ci
@pytest.mark.parametrize(("scene", "point", "first"), SHARDS)
def test_every_write_survives_a_kill(stage, scene: Scene, point: str, first: int):
    for number in range(first, min(first + SHARD, scene.writes + 1)):
        desk = stage(scene, f"{number}")
        killed = desk.forked(*APPLY, *scene.flags, kill=(point, number))
        assert killed.code == -signal.SIGKILL, f"write {number}: {killed.code}\n{killed.out}\n{killed.err}"
        recovers(desk, scene, desk.run if number == first else desk.forked)


def recovers(desk: FarDesk, scene: Scene, run: Callable[..., Result]) -> None:
    """At most two plain runs bring it about; then nothing is left to do, and no rule was ever broken.

    `run` is a process from its very start, or one that is forked: the start is half of what a run takes.
    """
    report = run(*COMMAND, *scene.flags)
    if report.code != 0:
        report = run(*COMMAND, *scene.flags).ended(0)
    assert report.json()["outcome"] == "converged"
    plan = desk.forked("plan", "desired-state", "-o", "json", "--detailed-exitcode", *scene.flags).ended(0).json()
    assert plan["steps"] == plan["blocked"] == []
    assert desk.forked("status", "-o", "json", "--offline").ended(0).json()["open"] == []
    owned = len(desk.forked("state", "list", "-o", "json").ended(0).json())
    # What was already going when it was looked at is given up by the next pass that does something.
    assert owned in ((scene.ours, scene.ours + 1) if scene.name == "upgrade" else (scene.ours,))
    desk.always_holds()


@pytest.mark.ci
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_no_write_is_left_out(stage, scene: Scene):
    """The scenes have as many writes as are killed, and are done where nobody is."""
    desk = stage(scene, "whole")
    desk.forked(*APPLY, *scene.flags, kill=("before-the-entry", scene.writes + 1)).ended(0)
    assert len(desk.center.writes()) == scene.writes
    recovers(desk, scene, desk.forked)


def test_the_example_is_all_of_it():
    assert (EXAMPLE.writes, EXAMPLE.ours, EXAMPLE.before) == (19, 19, None)
