"""What the smaller commands share: a target from the flags, and a coroutine run to its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from reconciler.errors import InputError
from reconciler.policy import Policy
from reconciler.settings import Target, Where, targets

T = TypeVar("T")


def the_target(where: Where) -> Target:
    """The one target of a command that takes one. Raises InputError where the configuration holds several."""
    found = targets(where, Policy())
    if len(found) > 1:
        names = ", ".join(target.name for target in found)
        raise InputError("this command takes one target", remedy=f"say which with --target: {names}")
    return found[0]


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in an event loop of its own. SIGTERM ends it as SIGINT does: logged out, closed, and with its number."""
    found: list[T] = []
    try:
        asyncio.run(_ended_by_sigterm(coroutine, found))
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None
    return found[0]


async def _ended_by_sigterm(coroutine: Coroutine[Any, Any, T], found: list[T]) -> None:
    # The result isn't returned: asyncio makes a text of a task and its whole result when it puts SIGINT's handler back.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    found.append(await coroutine)
