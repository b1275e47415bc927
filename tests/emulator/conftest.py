"""One HTTP server for all tests of a process, and a new Control Center behind it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from reconciler.emulator import control
from reconciler.emulator.base import Start
from reconciler.emulator.metadefender.app import Setup, build, create_app
from reconciler.emulator.registry import SYSTEMS
from reconciler.emulator.server import threaded
from tests.emulator.center import API_KEY, Center, Make, Switch
from tests.emulator.oneway import MakeStudio, Studio


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Switch, httpx.Client]]:
    switch = Switch()
    with threaded(switch) as url, httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        yield switch, client


@pytest.fixture
def make(served: tuple[Switch, httpx.Client], tmp_path: Path) -> Make:
    """Builds the Control Center of the test: `fixture` by name, options and timings."""
    switch, client = served

    def build_center(fixture: str = "empty", **settings: object) -> Center:
        paces = {"deploy_seconds": 10, "undeploy_seconds": 10, "upgrade_seconds": 10}
        world = build(Setup(tmp_path / "spool", api_key=API_KEY, fixture=fixture, settings={**paces, **settings}))
        switch.app = create_app(world)
        return Center(world, client)

    return build_center


@pytest.fixture
def center(make: Make) -> Center:
    """An empty Control Center."""
    return make()


@pytest.fixture
def furnished(make: Make) -> Center:
    """A Control Center with the five services and two workers."""
    return make("services")


@pytest.fixture
def deployed(make: Make) -> Center:
    """The same with an installer, and an instance of it on worker-1."""
    return make("deployed")


@pytest.fixture
def make_studio(served: tuple[Switch, httpx.Client], tmp_path: Path) -> MakeStudio:
    """Builds a system by its name, with options."""
    switch, client = served

    def build_studio(name: str, **settings: object) -> Studio:
        emulation = SYSTEMS[name].start(Start(tmp_path, settings=settings))
        switch.app = control.create_app(emulation)
        return Studio(emulation, client, name)

    return build_studio
