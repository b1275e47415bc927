"""Failures as HTTP tells them: a status, and a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reconciler.errors import (
    ApiError,
    InputError,
    InvalidTree,
    LeaseLost,
    ReconcilerError,
    StateLocked,
    UnknownTarget,
)
from reconciler.model import Problem
from reconciler.render.fields import plain
from reconciler.web import shapes
from reconciler.web.models import ProblemDetails

MEDIA_TYPE = "application/problem+json"
MOST_PROBLEMS = 1000

STATUSES: Sequence[tuple[type[ReconcilerError], int]] = (
    (UnknownTarget, 404),
    (InputError, 422),
    (StateLocked, 409),
    (LeaseLost, 409),
    (ApiError, 502),
)
"""Which status an error has, the first that fits; any other is a 500 that says nothing."""


class Refusal(Exception):
    """A request that is answered with this status, sentence and headers."""

    def __init__(
        self, status: int, detail: str, *, remedy: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.headers = headers


def json_response(content: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """Plain data as an answer; whatever JSON can't hold is escaped."""
    try:
        text = orjson.dumps(content)
    except orjson.JSONEncodeError:  # half a character, a huge number, a type of ours
        text = orjson.dumps(plain(content))
    return Response(text, status, media_type=media_type)


def problem(
    status: int,
    detail: str | None = None,
    *,
    remedy: str | None = None,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer that says what is wrong."""
    content: ProblemDetails = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    if remedy:
        content["remedy"] = remedy
    if problems:
        content["problems"] = shapes.problems(problems[:MOST_PROBLEMS])
    response = json_response(content, status, MEDIA_TYPE)
    response.headers.update(headers or {})
    return response


def status_of(error: ReconcilerError) -> int:
    """The status that tells an error best; 500 where it is no business of the caller's."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def failed(error: ReconcilerError) -> Response:
    """The answer to a request that ended in an error."""
    status = status_of(error)
    if status == 500:
        return problem(500)
    found = error.problems if isinstance(error, InvalidTree) else ()
    return problem(status, error.message, remedy=error.remedy, problems=found)


async def on_refusal(_: Request, refusal: Exception) -> Response:
    """For Starlette: a refusal's answer."""
    assert isinstance(refusal, Refusal)
    return problem(refusal.status, refusal.detail, remedy=refusal.remedy, headers=refusal.headers)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """For Starlette: no such path (404), or not this method (405)."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, _plain_words(error.status_code), headers=error.headers)


def _plain_words(status: int) -> str | None:
    return {404: "there is nothing at this path", 405: "this path takes other methods only"}.get(status)
