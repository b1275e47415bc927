"""Requests' bodies and queries: read within bounds, then checked against their models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from reconciler.render.words import clipped, count, listed, safe
from reconciler.web.models import Query
from reconciler.web.problems import Refusal

MOST_SHOWN = 5
LARGE = 256 * 1024
"""Bytes from which on a body is parsed beside the event loop."""

M = TypeVar("M", bound=BaseModel)


async def chunks(request: Request, limit: int, seconds: float) -> AsyncIterator[bytes]:
    """The body as it comes. Raises a 413 above ``limit`` bytes, a 408 when it isn't there within ``seconds``."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    total, loop = 0, asyncio.get_running_loop()
    deadline = loop.time() + seconds
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream, None)
        except TimeoutError:
            detail = f"the request's body didn't come within {seconds:g} s"
            raise Refusal(408, detail, headers={"Connection": "close"}) from None
        except ClientDisconnect:
            raise Refusal(400, "the connection was closed before the request's body was whole") from None
        if chunk is None:
            return
        total += len(chunk)
        if total > limit:
            raise _too_large(limit)
        yield chunk


async def body_of(request: Request, model: type[M], limit: int, seconds: float) -> M:
    """The request's JSON body. Raises a 415, 413, 408, 400 (no JSON) or 422 (not what is asked for)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "the request's body must be application/json", headers={"Accept": "application/json"})
    data = bytearray()
    async for chunk in chunks(request, limit, seconds):
        data += chunk
    try:
        if len(data) > LARGE:
            return await run_in_threadpool(model.model_validate_json, bytes(data))
        return model.model_validate_json(bytes(data))
    except ValidationError as error:
        raise _unfit(error, "the request's body") from None


def query_of(request: Request, model: type[M]) -> M:
    """The request's query. Raises a 422."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refusal(422, f"the query gives {_brief(twice[0])} more than once")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise _unfit(error, "the query") from None


def refuse_query(request: Request) -> None:
    """For operations without one. Raises a 422."""
    query_of(request, Query)


def _unfit(error: ValidationError, what: str) -> Refusal:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return Refusal(400, f"{what} is not JSON: {_brief(found[0]['msg'].removeprefix('Invalid JSON: '))}")
    lines = [_line(one) for one in found]
    return Refusal(422, f"{what} has {count(len(lines), 'problem')}: {listed(lines, MOST_SHOWN)}")


def _line(one: Mapping[str, Any]) -> str:
    place = _place(one["loc"])
    message = one["msg"][:1].lower() + one["msg"][1:]
    return f"{place}: {message}" if place else message


def _place(loc: Sequence[str | int]) -> str:
    return ".".join(_brief(str(part)) for part in loc)


def _brief(text: str) -> str:
    return clipped(safe(text), 80)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"the request's body is larger than {limit} bytes")
