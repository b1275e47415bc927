"""How the command line starts the emulated Control Center: its own flags, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.emulator.base import Emulated, Emulation, Start
from reconciler.emulator.metadefender.app import Setup, build
from reconciler.emulator.metadefender.emulation import ControlCenter
from reconciler.emulator.metadefender.replay import check

PACES = ("deploy_seconds", "undeploy_seconds", "upgrade_seconds")


def _flag(name: str, meaning: str, **more: Any) -> click.Option:
    return click.Option([name], help=f"metadefender: {meaning}", **more)


FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
FOLDER = click.Path(path_type=Path, file_okay=False)
FLAGS = (
    _flag("--user", "name of the first user.", default="admin", show_default=True),
    _flag("--password", "its password (default: admin).", envvar="EMULATOR_PASSWORD", default="admin"),
    _flag("--api-key", "its API key (default: a random one).", envvar="EMULATOR_API_KEY"),
    _flag("--deploy-seconds", "how long a deployment takes (default: 2).", type=float),
    _flag("--undeploy-seconds", "how long an undeployment takes (default: 2).", type=float),
    _flag("--upgrade-seconds", "how long the upgrade of one instance takes (default: 2).", type=float),
    _flag("--fixture", "empty, services, deployed, users:N or workers:N.", default="empty", show_default=True),
    _flag("--fixture-file", "start from YAML.", type=FILE),
    _flag("--spool", "where uploaded installers go.", type=FOLDER),
)


def _start(start: Start) -> Emulation:
    given = {name: value for name, value in start.flags.items() if name not in PACES}
    paces = {name: start.flags[name] for name in PACES if start.flags.get(name) is not None}
    spool = given.pop("spool", None) or start.folder
    return ControlCenter(build(Setup(spool, start.state, settings={**start.settings, **paces}, **given)))


def _check(log: Any) -> list[str]:
    return [f"request {one.n}: {one.rule}: {one.detail}" for one in check(log)]


METADEFENDER = Emulated(
    name="metadefender",
    title="Control Center",
    start=_start,
    flags=FLAGS,
    check=_check,
    quick=dict.fromkeys(PACES, 0.2),
)
