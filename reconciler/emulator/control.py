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

from reconciler.emulator.collection import Record
from reconciler.emulator.edit import edit
from reconciler.emulator.operations import OPERATIONS
from reconciler.emulator.options import changed
from reconciler.emulator.state import COLLECTIONS, hidden
from reconciler.emulator.world import World

Answer: TypeAlias = Callable[[World, Request, Any], Any]


def control_app(world: World) -> ASGIApp:
    """The application for paths under /_emulator/."""
    table: list[tuple[str, str, Answer]] = [
        ("GET", "requests", _requests),
        ("DELETE", "requests", lambda world, *_: world.journal.clear()),
        ("GET", "counts", lambda world, *_: world.journal.counts()),
        ("GET", "violations", lambda world, *_: world.journal.violations()),
        ("DELETE", "violations", lambda world, *_: world.journal.clear_violations()),
        ("GET", "options", _options),
        ("PUT", "options", _set_options),
        ("GET", "faults", _faults),
        ("POST", "faults", _add_faults),
        ("DELETE", "faults", lambda world, *_: world.faults.clear()),
        ("GET", "state", _state),
        ("POST", "sessions/expire", lambda world, *_: {"expired": world.sessions.close_all()}),
        ("POST", "clock", _clock),
        ("POST", "edit", lambda world, _, body: {"changed": edit(world, body)}),
    ]
    routes = [Route("/_emulator/" + path, _endpoint(world, answer), methods=[method]) for method, path, answer in table]
    return Router(routes)


def _endpoint(world: World, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        content = await request.body()
        try:
            result = answer(world, request, orjson.loads(content) if content else {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = {"error": f"{type(error).__name__}: {error}"}
            return Response(orjson.dumps(problem), 400, media_type="application/json")
        finally:
            world.save()
        return Response(orjson.dumps({} if result is None else result), media_type="application/json")

    return endpoint


def _requests(world: World, request: Request, _: Any) -> list[dict[str, Any]]:
    return world.journal.requests(int(request.query_params.get("since", "0")))


def _options(world: World, *_: Any) -> dict[str, Any]:
    return dataclasses.asdict(world.options) | dataclasses.asdict(world.timings)


def _set_options(world: World, _: Request, body: Any) -> dict[str, Any]:
    world.options, world.timings = changed(world.options, world.timings, body)
    return _options(world)


def _faults(world: World, *_: Any) -> list[dict[str, Any]]:
    return [dataclasses.asdict(rule) for rule in world.faults.rules]


def _add_faults(world: World, _: Request, body: Any) -> list[dict[str, Any]]:
    for document in body if isinstance(body, list) else [body]:
        if document.get("operation") not in {None, *(operation.id for operation in OPERATIONS)}:
            raise ValueError(f"there is no operation {document['operation']!r}")
        world.faults.add(document)
    return _faults(world)


def _clock(world: World, _: Request, body: Any) -> dict[str, float]:
    seconds = float(body["advance"])
    if seconds < 0:
        raise ValueError("the clock doesn't go back")
    world.clock.advance(seconds)
    world.settle()
    return {"now": world.clock.now()}


def _state(world: World, *_: Any) -> dict[str, Any]:
    state = world.state
    objects = {name: [_without_secrets(record) for record in state.collection(name)] for name in COLLECTIONS}
    settings = {**state.settings, "servicesetting": _without_storage_config(state.settings["servicesetting"])}
    return {**objects, "settings": settings, "sessions": len(world.sessions), "scheduled": len(state.schedule)}


def _without_secrets(record: Record) -> Record:
    return record | {"api_key": hidden(record["api_key"])} if "api_key" in record else record


def _without_storage_config(setting: Record) -> Record:
    config = {name: hidden(str(value)) for name, value in setting["storage"].get("config", {}).items()}
    return {**setting, "storage": {**setting["storage"], "config": config}}
