"""One HTTP server for all tests of a process, and a new Control Center behind it, with a desk, for each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from reconciler.emulator.server import threaded
from tests.e2e.kit import Center, Desk, duplicates, setup
from tests.emulator.center import Switch


class MakeDesk(Protocol):
    """Builds the desk of a test; the Control Center's fixture and options by name."""

    def __call__(self, fixture: str = "empty", **settings: object) -> Desk: ...


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with threaded(switch) as url:
        yield switch, url


@pytest.fixture
def make(served: tuple[Switch, str], tmp_path: Path) -> Iterator[MakeDesk]:
    """Builds desks, and looks at the end whether any of them broke a rule that always holds."""
    switch, url = served
    desks: list[Desk] = []

    def build_desk(fixture: str = "empty", **settings: object) -> Desk:
        center = Center(url, switch, setup(tmp_path / "spool", None, fixture, **settings))
        desks.append(Desk(tmp_path / "desk", center))
        return desks[-1]

    yield build_desk
    for desk in desks:
        desk.end_all()
    for desk in desks:
        _always_holds(desk)


@pytest.fixture
def desk(make: MakeDesk) -> Desk:
    """A desk with nothing on it, and an empty Control Center."""
    return make()


@pytest.fixture
def example(make: MakeDesk) -> Desk:
    """The example on the desk, and an empty Control Center."""
    desk = make()
    desk.give_example()
    return desk


@pytest.fixture(scope="session")
def applied(served: tuple[Switch, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of an apply of the example: the state, the Control Center's data, and the report."""
    folder = tmp_path_factory.mktemp("applied")
    switch, url = served
    desk = Desk(folder / "desk", Center(url, switch, setup(folder / "spool")))
    desk.give_example()
    report = desk.apply().ended(0)
    world = desk.center.world
    (folder / "center.json").write_text(json.dumps(world.state.as_json(world.clock.now())))
    (folder / "report.json").write_text(report.out)
    (folder / "requests.json").write_text(json.dumps(desk.center.requests()))
    _always_holds(desk)
    return folder


@pytest.fixture
def converged(applied: Path, served: tuple[Switch, str], tmp_path: Path) -> Iterator[Desk]:
    """The example on the desk, applied."""
    shutil.copytree(applied / "desk", tmp_path / "desk")
    shutil.copytree(applied / "spool", tmp_path / "spool")
    shutil.copy(applied / "center.json", tmp_path / "center.json")
    switch, url = served
    center = Center(url, switch, setup(tmp_path / "spool", tmp_path / "center.json"))
    desk = Desk(tmp_path / "desk", center)
    desk.canaries |= {path.read_text(encoding="utf-8") for path in desk.secrets.iterdir()}
    yield desk
    desk.end_all()
    _always_holds(desk)


@pytest.fixture
def report(applied: Path) -> dict[str, Any]:
    """The report of the example's first apply."""
    found: dict[str, Any] = json.loads((applied / "report.json").read_text())
    return found


@pytest.fixture
def requests(applied: Path) -> list[dict[str, Any]]:
    """The requests of the example's first apply."""
    found: list[dict[str, Any]] = json.loads((applied / "requests.json").read_text())
    return found


def _always_holds(desk: Desk) -> None:
    desk.said_nothing_secret()
    desk.never_broke_down()
    assert desk.center.violations() == []
    assert duplicates(desk.center) == []
