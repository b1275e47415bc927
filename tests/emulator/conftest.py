"""One HTTP server for all tests of a process, and a new Control Center behind it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from reconciler.emulator.app import Setup, build, create_app
from reconciler.emulator.server import threaded
from tests.emulator.center import API_KEY, Center, Make, Switch


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
