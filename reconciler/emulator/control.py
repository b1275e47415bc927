"""What rehearsals and tests ask of the emulator itself, under /_emulator/."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from reconciler.emulator.base import Emulation
from reconciler.emulator.gateway import CONTROL, Gateway

Answer: TypeAlias = Callable[[Emulation, Request, Any], Any]


def create_app(emulation: Emulation, control: bool = True) -> ASGIApp:
    """The ASGI application of a system, with or without the control requests."""
    return Gateway(emulation, control_app(emulation) if control else None)


def control_app(emulation: Emulation) -> ASGIApp:
    """The application for paths under /_emulator/."""
    table: dict[tuple[str, str], Answer] = {
        ("GET", "requests"): _requests,
        ("DELETE", "requests"): lambda on, *_: on.bench.journal.clear(),
        ("GET", "counts"): lambda on, *_: on.bench.journal.counts(),
        ("GET", "violations"): lambda on, *_: on.bench.journal.violations(),
        ("DELETE", "violations"): lambda on, *_: on.bench.journal.clear_violations(),
        ("GET", "options"): lambda on, *_: on.options(),
        ("PUT", "options"): _set_options,
        ("GET", "faults"): _faults,
        ("POST", "faults"): _add_faults,
        ("DELETE", "faults"): lambda on, *_: on.bench.faults.clear(),
        ("GET", "state"): lambda on, *_: on.state(),
        ("POST", "clock"): _clock,
        ("POST", "edit"): lambda on, _, body: {"changed": on.edit(body)},
        **{place: _own(answer) for place, answer in emulation.controls().items()},
    }
    return Router(
        [Route(CONTROL + path, _endpoint(emulation, one), methods=[method]) for (method, path), one in table.items()]
    )


def _own(answer: Callable[[Any], Any]) -> Answer:
    return lambda _, __, body: answer(body)


def _endpoint(emulation: Emulation, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        content = await request.body()
        try:
            result = answer(emulation, request, orjson.loads(content) if content else {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = {"error": f"{type(error).__name__}: {error}"}
            return Response(orjson.dumps(problem), 400, media_type="application/json")
        finally:
            emulation.save()
        return Response(orjson.dumps({} if result is None else result), media_type="application/json")

    return endpoint


def _requests(emulation: Emulation, request: Request, _: Any) -> list[dict[str, Any]]:
    return emulation.bench.journal.requests(int(request.query_params.get("since", "0")))


def _set_options(emulation: Emulation, _: Request, body: Any) -> dict[str, Any]:
    emulation.change_options(body)
    return emulation.options()


def _faults(emulation: Emulation, *_: Any) -> list[dict[str, Any]]:
    return [dataclasses.asdict(rule) for rule in emulation.bench.faults.rules]


def _add_faults(emulation: Emulation, _: Request, body: Any) -> list[dict[str, Any]]:
    for document in body if isinstance(body, list) else [body]:
        if document.get("operation") not in {None, *(operation.id for operation in emulation.operations)}:
            raise ValueError(f"there is no operation {document['operation']!r}")
        if "expire_session" in (document.get("fault") or {}) and not emulation.has_sessions:
            raise ValueError("there are no sessions that could expire")
        emulation.bench.faults.add(document)
    return _faults(emulation)


def _clock(emulation: Emulation, _: Request, body: Any) -> dict[str, float]:
    seconds = float(body["advance"])
    if seconds < 0:
        raise ValueError("the clock doesn't go back")
    emulation.bench.clock.advance(seconds)
    emulation.settle()
    return {"now": emulation.bench.clock.now()}
