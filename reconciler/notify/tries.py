"""How often something is tried, and what is said when it never worked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import structlog

from reconciler.errors import ReconcilerError, ServerFault

PAUSES = (1.0, 5.0, 30.0, 120.0)
"""Seconds between the tries; one try more than there are pauses."""

PATIENCE = 120.0
"""Seconds that a server may ask us to wait."""

End = Literal["delivered", "refused", "missed"]
"""How it ended. ``refused``: trying again would end the same; ``missed``: it might not, later."""

_log = structlog.get_logger("reconciler.notify")


async def deliver(send: Callable[[], Awaitable[None]], name: str, pauses: Sequence[float], **about: object) -> End:
    """Try until it worked, was refused, or the pauses are used up; log why not. Only a cancellation is raised.

    ``name`` is the channel's; its address is never shown, as it may hold a token.
    """
    for pause in (*pauses, None):
        error = await _tried(send)
        if error is None:
            return "delivered"
        retryable = isinstance(error, ReconcilerError) and error.retryable
        if pause is None or not retryable:
            words = str(error) if isinstance(error, ReconcilerError) else f"an unexpected {type(error).__name__}"
            _log.warning("a notification was not delivered", channel=name, error=words, **about)
            return "missed" if retryable else "refused"
        asked = error.retry_after if isinstance(error, ServerFault) else None
        await asyncio.sleep(max(pause, min(asked or 0.0, PATIENCE)))
    raise AssertionError("the last pause is None")


async def _tried(send: Callable[[], Awaitable[None]]) -> Exception | None:
    try:
        await send()
    except Exception as error:  # noqa: BLE001 - telling people must never stop the work itself
        return error
    return None
