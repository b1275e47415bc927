"""Plans of trees that callers send: what a pull request would change, told to whoever may know no credentials."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from reconciler.load.limits import MAX_FILE_BYTES
from reconciler.model import SourceFile
from reconciler.render import render_plan
from reconciler.render.words import clipped, safe
from reconciler.steps import Plan
from reconciler.web import shapes
from reconciler.web.auth import Caller
from reconciler.web.models import PlanBody, Rendering
from reconciler.web.operations import Call, Services
from reconciler.web.problems import Refusal, json_response

T = TypeVar("T")


@contextmanager
def gate(services: Services, caller: Caller) -> Iterator[None]:
    """So many plans a minute for each caller, and so many at once for all. Raises a 429 or 503."""
    services.plan_rates.enter(caller.name)
    with services.plan_slots.one():
        yield


async def make(call: Call) -> Response:
    """The plan of the tree in the body. Writes nothing."""
    body = call.given(PlanBody)
    files = _files(body)
    plans = await _in_time(call, call.control.plan(files, body.targets))
    return await call.beside(_answer, plans, body.render)


def _files(body: PlanBody) -> list[SourceFile]:
    counts = Counter(file.name for file in body.files)
    if twice := sorted(name for name, number in counts.items() if number > 1):
        raise Refusal(422, f"the request has {clipped(safe(twice[0]), 80)} more than once")
    files = [SourceFile(file.name, file.content.encode()) for file in body.files]
    for file in files:
        if len(file.data) > MAX_FILE_BYTES:
            raise Refusal(422, f"{clipped(safe(file.name), 80)} is larger than {MAX_FILE_BYTES // 1024**2} MiB")
    return sorted(files, key=lambda file: file.name)


async def _in_time(call: Call, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, unless time is up, the caller is gone or the process ends first."""
    services, seconds = call.services, call.services.settings.plans.timeout
    task = asyncio.create_task(work)
    gone, stop = asyncio.create_task(_gone(call.request)), asyncio.create_task(services.stopping.wait())
    try:
        done, _ = await asyncio.wait((task, gone, stop), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in (gone, stop, task):
            one.cancel()
    if task in done:
        return task.result()
    # What runs in a thread goes on for a while, and takes its room until then.
    services.plan_slots.hold(task)
    task.add_done_callback(_look_away)
    if stop in done:
        raise Refusal(503, "the server is shutting down", headers={"Retry-After": "5"})
    if gone in done:
        raise Refusal(400, "the connection was closed before the plan was made")
    raise Refusal(504, f"the plan wasn't made within {seconds:g} s")


def _look_away(task: asyncio.Future[Any]) -> None:
    """Take note of how it ended, so that asyncio doesn't complain."""
    if not task.cancelled():
        task.exception()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(plans: Sequence[Plan], render: Rendering | None) -> Response:
    content = shapes.plans(plans)
    if render is not None:
        content["rendered"] = [_rendered(plan, render) for plan in plans]
    return json_response(content)


def _rendered(plan: Plan, render: Rendering) -> str:
    if render.format != "text":
        return render_plan(plan, render.format)
    return render_plan(plan, "text", width=render.width, colour=render.color, full=render.full)
