"""The command `emulator`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import orjson
from click.core import ParameterSource

from reconciler.emulator.base import Emulated, Start
from reconciler.emulator.control import create_app
from reconciler.emulator.registry import DEFAULT, SYSTEMS
from reconciler.emulator.server import bind, parse_address, serve


def _with_own_flags(command: Callable[..., None]) -> click.Command:
    made = click.command()(command)
    made.params += [flag for system in SYSTEMS.values() for flag in system.flags]
    return made


@_with_own_flags
@click.option("--system", type=click.Choice(list(SYSTEMS)), default=DEFAULT, show_default=True, help="Which system.")
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:8892", show_default=True, help="Port 0: a free one.")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), help="Keep all data in this file.")
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="How the server answers; an unknown name tells what there is.",
)
@click.option("--latency", type=float, metavar="MS", help="Milliseconds before each answer (default: 0).")
@click.option("--no-control", is_flag=True, help="Without the requests under /_emulator/.")
@click.option(
    "--check",
    "log",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Don't run: judge a log of requests, as GET /_emulator/log gives it.",
)
@click.pass_context
def emulator(
    context: click.Context,
    /,
    *,
    system: str,
    listen: str,
    state: Path | None,
    settings: tuple[str, ...],
    latency: float | None,
    no_control: bool,
    log: Path | None,
    **flags: Any,
) -> None:
    """Run a system that exists only here, to rehearse on."""
    if log is not None:
        _check(SYSTEMS[system], log)
        return
    chosen = _pairs(settings) | ({} if latency is None else {"latency_ms": latency})
    own = _own(context, SYSTEMS[system], flags)
    with tempfile.TemporaryDirectory(prefix="emulator-") as folder:
        _run(SYSTEMS[system], Start(Path(folder), state, chosen, own), listen, not no_control)


def _check(system: Emulated, log: Path) -> None:
    """Print each broken rule of a log; ClickException if it can't be judged, exit code 1 if there are any."""
    if system.check is None:
        raise click.ClickException(f"a log of {system.name} can't be judged")
    try:
        broken = system.check(orjson.loads(log.read_bytes()))
    except (ValueError, OSError) as error:
        raise click.ClickException(f"{log}: {error}") from error
    for line in broken:
        click.echo(line)
    if broken:
        raise SystemExit(1)


def _own(context: click.Context, system: Emulated, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the system's own flags; UsageError where one of another system was given."""
    own = {flag.name for flag in system.flags}
    for flag in context.command.params:
        given = context.get_parameter_source(str(flag.name)) is ParameterSource.COMMANDLINE
        if given and flag.name in flags and flag.name not in own:
            raise click.UsageError(f"{flag.opts[0]} is no flag of {system.name}", context)
    return {name: value for name, value in flags.items() if name in own}


def _run(system: Emulated, start: Start, listen: str, control: bool) -> None:
    try:
        emulation = system.start(start)
        listener, url = bind(*parse_address(listen))
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    with listener:
        announce = f"{system.title} emulator listening on {url}"
        serve(create_app(emulation, control), listener, lambda: click.echo(announce))


def _pairs(settings: tuple[str, ...]) -> dict[str, object]:
    pairs: dict[str, object] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{setting!r} isn't NAME=VALUE", param_hint="--set")
        pairs[name] = value
    return pairs
