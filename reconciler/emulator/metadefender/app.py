"""Puts an emulated Control Center together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from reconciler.emulator import control as controlled
from reconciler.emulator.metadefender.emulation import ControlCenter
from reconciler.emulator.metadefender.fixtures import seed, seed_from_file
from reconciler.emulator.metadefender.options import Options, Timings, changed
from reconciler.emulator.metadefender.roles import add_role
from reconciler.emulator.metadefender.state import ADMINISTRATOR, AREAS, LOCAL, SYSTEM, State
from reconciler.emulator.metadefender.users import add_user
from reconciler.emulator.metadefender.world import World


@dataclass(frozen=True)
class Setup:
    """How a fresh emulator is set up. `settings` are options and timings by name; where a state file exists, it
    stands for user, password, api_key and fixture."""

    spool: Path
    state: Path | None = None
    user: str = "admin"
    password: str = "admin"
    api_key: str | None = None
    fixture: str = "empty"
    fixture_file: Path | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


def build(setup: Setup) -> World:
    """The world of an emulator; ValueError where the setup makes no sense."""
    options, timings = changed(Options(), Timings(), setup.settings)
    world = World(State(setup.state), setup.spool, options, timings)
    setup.spool.mkdir(parents=True, exist_ok=True)
    if setup.state is not None and setup.state.exists():
        world.state.load(world.clock.now())
        return world
    _install(world.state, setup)
    if setup.fixture_file is not None:
        seed_from_file(world.state, setup.fixture_file)
    else:
        seed(world.state, setup.fixture)
    world.state.dirty = True
    world.save()
    return world


def create_app(world: World, control: bool = True) -> ASGIApp:
    """The ASGI application of a world, with or without the control requests."""
    return controlled.create_app(ControlCenter(world), control)


def _install(state: State, setup: Setup) -> None:
    """What a fresh installation has: two directories, one role, the first user and a user of the product's own."""
    lockout = {"enabled": True, "lockout_attempts": 5, "lockout_timeout": 300}
    state.directories.add({"id": LOCAL, "name": "LOCAL", "type": "Local", **lockout})
    state.directories.add({"id": SYSTEM, "name": "SYSTEM", "type": "System", **lockout})
    rights = {area: ["read", "write"] for area in AREAS}
    add_role(state, {"name": "administrator", "display_name": "Administrator", "rights": rights, "editable": False})
    first: dict[str, Any] = {"name": setup.user, "password": setup.password, "roles": [ADMINISTRATOR]}
    add_user(state, first | ({"api_key": setup.api_key} if setup.api_key else {}))
    add_user(state, {"name": "system", "directory_id": SYSTEM, "roles": [ADMINISTRATOR]})
