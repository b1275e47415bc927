"""What may be read: targets, pending plans, history."""

from __future__ import annotations

from starlette.responses import Response

from reconciler.web import shapes
from reconciler.web.models import HistoryQuery, PlanQuery
from reconciler.web.operations import Call
from reconciler.web.problems import json_response


async def targets(call: Call) -> Response:
    """The source, and every target at a glance."""
    source, states = call.control.source, list(call.control.targets.values())

    def answer() -> Response:
        return json_response({"source": shapes.source(source), "items": list(map(shapes.target, states))})

    return await call.beside(answer)


async def target(call: Call) -> Response:
    """One target with all its objects."""
    state = call.state(call.name)
    entries = await call.beside(call.control.entries, call.name)
    return await call.beside(lambda: json_response(shapes.whole_target(state, entries)))


async def pending(call: Call) -> Response:
    """The plans of what is still to be done, blocked or held; a target without one has none yet."""
    name = call.asked(PlanQuery).target
    states = call.control.targets.values() if name is None else [call.state(name)]
    plans = [state.plan for state in states if state.plan is not None]
    return await call.beside(lambda: json_response(shapes.plans(plans)))


async def history(call: Call) -> Response:
    """The newest passes of a target."""
    asked = call.asked(HistoryQuery)
    call.state(asked.target)
    records = await call.beside(call.control.history, asked.target, asked.limit)
    return await call.beside(lambda: json_response(shapes.history(records)))
