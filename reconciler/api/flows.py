"""Drives a generator that describes requests: sends answers in, throws errors in, always closes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from reconciler.errors import ReconcilerError
from reconciler.wire import Flow, Request, Response

T = TypeVar("T")


async def drive(flow: Flow[T], send: Callable[[Request], Awaitable[Response]]) -> T:
    """What the flow returns. Our errors are thrown into it, so that it can handle them; unhandled, they are raised."""
    try:
        request = next(flow)
        while True:
            try:
                response = await send(request)
            except ReconcilerError as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        # When we are cancelled, a flow may still want to send something in its own "finally": it can't.
        with suppress(RuntimeError):
            flow.close()
