"""Kinds + api → the live side: each collection once, all at the same time, and what can't be read is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from reconciler.api import Client
from reconciler.errors import ApiError, LoginRefused, Redirected, Refused, TlsFailure, Unreachable
from reconciler.memory import Memory
from reconciler.model import Desired
from reconciler.secret import Seal
from reconciler.systems.base import System
from reconciler.systems.view import Unreadable

FATAL = (Unreachable, TlsFailure, LoginRefused, Redirected)


def needed(system: System, desired: Desired, memory: Memory) -> list[str]:
    """The collections of the kinds that have documents, or of which we own objects, and of what those need."""
    kinds = {ref.kind for ref in desired.resources} | {owned.kind for owned in memory.owned.values()}
    wanted = {name for kind in kinds if kind in system.kinds for name in system.kinds[kind].reads}
    return [name for name in system.collections if name in wanted]


async def observe(client: Client, system: System, names: Iterable[str], seal: Seal) -> dict[str, Any]:
    """Read collections: name → what its flow returned, NotOffered, or Unreadable.

    Raises Unreachable, TlsFailure, LoginRefused, Redirected, and any ApiError when nothing at all could be read.
    """
    names = list(names)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_one(client, system, name, seal)) for name in names]
    except* FATAL as fatal:
        # The first one ends the others at once: what they would say is the same, later and less clearly.
        raise fatal.exceptions[0] from None
    found = [task.result() for task in running]
    failures = [error for error in found if isinstance(error, ApiError)]
    if failures and len(failures) == len(found):
        raise _explained(failures[0])
    return {
        name: Unreadable(one.message) if isinstance(one, ApiError) else one
        for name, one in zip(names, found, strict=True)
    }


def _explained(error: ApiError) -> ApiError:
    """Where nothing at all could be read, something more basic is wrong than the one request that failed."""
    if isinstance(error, Refused) and error.status in (401, 403, 405):
        error.remedy = error.remedy or "check the credentials, and what rights their user has"
    else:
        error.remedy = error.remedy or "check the url: is that the API of a Control Center?"
    error.message = f"nothing could be read: {error.message}"
    return error


async def _one(client: Client, system: System, name: str, seal: Seal) -> Any:
    try:
        return await client.run(system.collections[name].fetch(seal))
    except FATAL:
        raise
    except ApiError as error:
        return error
