"""The command `emulator`."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import click

from reconciler.emulator.app import Setup, build, create_app
from reconciler.emulator.running import LINE
from reconciler.emulator.server import bind, parse_address, serve


@click.command()
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:8892", show_default=True, help="Port 0: a free one.")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), help="Keep all data in this file.")
@click.option("--user", default="admin", show_default=True, help="Name of the first user.")
@click.option("--password", envvar="EMULATOR_PASSWORD", default="admin", help="Its password (default: admin).")
@click.option("--api-key", envvar="EMULATOR_API_KEY", help="Its API key (default: a random one).")
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="How the server answers, such as worker_list=map."
)
@click.option("--deploy-seconds", type=float, help="How long a deployment takes (default: 2).")
@click.option("--undeploy-seconds", type=float, help="How long an undeployment takes (default: 2).")
@click.option("--upgrade-seconds", type=float, help="How long the upgrade of one instance takes (default: 2).")
@click.option("--latency", type=float, metavar="MS", help="Milliseconds before each answer (default: 0).")
@click.option("--fixture", default="empty", show_default=True, help="empty, services, deployed, users:N or workers:N.")
@click.option("--fixture-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Start from YAML.")
@click.option("--spool", type=click.Path(path_type=Path, file_okay=False), help="Where uploaded installers go.")
@click.option("--no-control", is_flag=True, help="Without the requests under /_emulator/.")
def emulator(
    *,
    listen: str,
    state: Path | None,
    user: str,
    password: str,
    api_key: str | None,
    settings: tuple[str, ...],
    deploy_seconds: float | None,
    undeploy_seconds: float | None,
    upgrade_seconds: float | None,
    latency: float | None,
    fixture: str,
    fixture_file: Path | None,
    spool: Path | None,
    no_control: bool,
) -> None:
    """Run a Control Center that exists only here, to rehearse on."""
    paces = {
        "deploy_seconds": deploy_seconds,
        "undeploy_seconds": undeploy_seconds,
        "upgrade_seconds": upgrade_seconds,
        "latency_ms": latency,
    }
    chosen = _pairs(settings) | {name: value for name, value in paces.items() if value is not None}
    with contextlib.ExitStack() as stack:
        folder = spool or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emulator-")))
        _run(Setup(folder, state, user, password, api_key, fixture, fixture_file, chosen), listen, not no_control)


def _run(setup: Setup, listen: str, control: bool) -> None:
    try:
        world = build(setup)
        listener, url = bind(*parse_address(listen))
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    with listener:
        serve(create_app(world, control), listener, lambda: click.echo(LINE + url))


def _pairs(settings: tuple[str, ...]) -> dict[str, object]:
    pairs: dict[str, object] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{setting!r} isn't NAME=VALUE", param_hint="--set")
        pairs[name] = value
    return pairs
