"""What operators may do: wake, suspend, approve, and settle what nobody else can know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from starlette.responses import Response

from reconciler.web import shapes
from reconciler.web.models import AdoptBody, ApprovalBody, ForgetBody, ResolveBody, SuspendBody
from reconciler.web.operations import Call
from reconciler.web.problems import Refusal, json_response

T = TypeVar("T")
SECONDS = 60.0
"""How long an action may take: some look at the managed system."""


async def reconcile(call: Call) -> Response:
    """Look again at everything."""
    call.control.wake(by=call.caller.name)
    return _accepted()


async def reconcile_one(call: Call) -> Response:
    """Look again at one target."""
    call.control.wake(call.name, by=call.caller.name)
    return _accepted()


async def suspend(call: Call) -> Response:
    """Write nothing to a target for a while."""
    body = call.given(SuspendBody)
    until = None if body.period is None else time.time() + body.period
    await _within(call.control.suspend(call.name, by=call.caller.name, reason=body.reason, until=until))
    return _target(call)


async def resume(call: Call) -> Response:
    """End a suspension."""
    await _within(call.control.resume(call.name, by=call.caller.name))
    return _target(call)


async def approve(call: Call) -> Response:
    """Let a pending plan do what a budget holds back."""
    body = call.given(ApprovalBody)
    if body.target is not None:
        call.state(body.target)
    target = await _within(call.control.approve(body.target, body.digest, by=call.caller.name))
    return json_response({"target": target, "digest": body.digest}, 201)


async def adopt(call: Call) -> Response:
    """Own a live object."""
    body = call.given(AdoptBody)
    await _within(call.control.adopt(call.name, body.kind, body.name, by=call.caller.name, id=body.id))
    return _done()


async def forget(call: Call) -> Response:
    """Give an object up without deleting it."""
    body = call.given(ForgetBody)
    await _within(call.control.forget(call.name, body.kind, body.name, by=call.caller.name))
    return _done()


async def resolve(call: Call) -> Response:
    """Say how a write ended."""
    body = call.given(ResolveBody)
    await _within(call.control.resolve(call.name, body.entry, body.ending, by=call.caller.name))
    return _done()


async def _within(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(SECONDS):
            return await work
    except TimeoutError:
        raise Refusal(504, f"it wasn't done within {SECONDS:g} s, and may be done still") from None


def _target(call: Call) -> Response:
    return json_response(shapes.target(call.state(call.name)))


def _accepted() -> Response:
    return json_response({"status": "accepted"}, 202)


def _done() -> Response:
    return json_response({"status": "done"})
