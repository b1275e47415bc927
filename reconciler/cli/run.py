"""What the smaller commands share: a target from the flags, and a coroutine run to its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from reconciler.cli.options import together
from reconciler.policy import Policy
from reconciler.settings import Target, environment_target

T = TypeVar("T")

where_options = together(
    click.option("--url", help="Where the API is (RECONCILER_URL)."),
    click.option("--state", metavar="URL", help="The database of what is remembered (RECONCILER_STATE)."),
    click.option("--secrets-dir", type=click.Path(), help="A folder with one file a secret (RECONCILER_SECRETS_DIR)."),
)


def the_target(url: str | None, state: str | None, secrets_dir: str | None) -> Target:
    """The target of a command that decides nothing."""
    return environment_target(url, state, secrets_dir, Policy())


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in an event loop of its own. SIGTERM ends it as SIGINT does: logged out, closed, and with its number."""
    try:
        return asyncio.run(_ended_by_sigterm(coroutine))
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


async def _ended_by_sigterm(coroutine: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await coroutine
