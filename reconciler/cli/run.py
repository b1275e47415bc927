"""``reconciler run``: follow a directory or a repository, and keep every target as it says, until told to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import takes_where, takes_wishes
from reconciler.policy import Policy
from reconciler.settings import Where

if TYPE_CHECKING:
    pass


@click.command("run")
@click.argument("path", type=click.Path(), required=False)
@click.option("--git", metavar="URL", envvar="RECONCILER_GIT", help="Follow a repository instead of a directory.")
@click.option("--branch", envvar="RECONCILER_BRANCH", help="The branch to follow.  [default: main]")
@click.option("--path", "git_path", envvar="RECONCILER_PATH", metavar="P", help="The folder in the repository.")
@click.option(
    "--listen", metavar="HOST:PORT", envvar="RECONCILER_LISTEN", help="For the page, the API and the metrics."
)
@click.option("--interval", metavar="TIME", envvar="RECONCILER_INTERVAL", help="Between two passes, as in 60s or 5m.")
@click.option(
    "--mode",
    type=click.Choice(["enforce", "observe"]),
    envvar="RECONCILER_MODE",
    help="observe: drift is told, and nothing is written.",
)
@takes_where
@takes_wishes
def command(
    path: str | None,
    git: str | None,
    branch: str | None,
    git_path: str | None,
    listen: str | None,
    interval: str | None,
    mode: str | None,
    where: Where,
    wishes: Policy,
) -> int:
    """Keep every target in the state that the directory PATH, or a branch of a repository, describes."""
    from reconciler.daemon.running import Wanted, run
    from reconciler.daemon.settings import Flags, seconds_of

    flags = Flags(path, git, branch, git_path, listen, seconds_of(interval) if interval else None)
    debug = bool(click.get_current_context().find_root().obj) or bool(os.environ.get("RECONCILER_DEBUG"))
    return asyncio.run(run(Wanted(flags, where, wishes, mode), sys.stderr, debug=debug))
