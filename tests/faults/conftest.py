"""One emulator and one forking process for all tests of a worker, each in a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.kit import FarCenter, loaded, served
from tests.faults.scenes import Scene


@pytest.fixture(scope="session")
def center() -> Iterator[FarCenter]:
    with served() as center:
        yield center


@pytest.fixture(scope="session")
def zygote() -> Iterator[subprocess.Popen[str]]:
    with loaded() as process:
        yield process


class Bases:
    """Where each scene begins, laid out once."""

    def __init__(self, folder: Path, center: FarCenter) -> None:
        self._folder = folder
        self._center = center
        self._made: dict[str, Path] = {}

    def __getitem__(self, scene: Scene) -> Path:
        if scene.name not in self._made:
            self._made[scene.name] = self._folder / scene.name
            scene.base(self._made[scene.name], self._center)
        return self._made[scene.name]


@pytest.fixture(scope="session")
def bases(center: FarCenter, tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(tmp_path_factory.mktemp("bases"), center)
