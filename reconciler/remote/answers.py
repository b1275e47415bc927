"""What a daemon's answer means: its JSON, or one of our errors in one clear sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct

from reconciler.api.retry import retry_after
from reconciler.errors import (
    ApiError,
    BadReply,
    InputError,
    InvalidTree,
    LoginRefused,
    NoRights,
    NotFound,
    ReconcilerError,
    Refused,
    ServerFault,
    TlsFailure,
    Unanswered,
)
from reconciler.model import Location, Problem
from reconciler.render.words import clipped, safe
from reconciler.secret import SHOWN
from reconciler.wire import Response

TOKEN = "RECONCILER_SERVER_TOKEN (or RECONCILER_SERVER_TOKEN_FILE)"  # noqa: S105 - the setting's name
LONGEST = 1000
SHORTEST_TOKEN = 8
"""A shorter text isn't taken out of answers: it would be found where nobody meant it."""


class Asked(Struct, frozen=True):
    """What was asked: in words, of whom, and which role it takes; ``known``: with a token."""

    operation: str
    where: str
    role: str
    known: bool


def content(response: Response, asked: Asked) -> Any:
    """The JSON of an answer that says yes. Raises the error that any other one stands for."""
    if 200 <= response.status < 300:
        return _json(response, asked)
    raise refusal(response, asked)


def without(token: str | None, response: Response) -> Response:
    """The answer without our token, should the server have repeated it."""
    if token is None or len(token) < SHORTEST_TOKEN:
        return response
    clean = response.body
    for form in {token, orjson.dumps(token).decode()[1:-1]}:
        clean = clean.replace(form.encode(), SHOWN.encode())
    return Response(response.status, response.headers, clean)


def refusal(response: Response, asked: Asked) -> ReconcilerError:
    """The error that a refusal stands for."""
    problem = _problem(response)
    if problem is None:
        return _strange(response, asked)
    status, detail, remedy = (
        response.status,
        _line(problem, "detail") or _line(problem, "title"),
        _line(problem, "remedy"),
    )
    problems = _problems(problem)
    if problems:
        return _invalid(problems, detail)
    if status == 401:
        return _unknown(asked)
    if status == 403:
        return _too_small(asked, detail, remedy)
    message = f"{asked.operation}: {detail or f'{asked.where} answered {status}'}"
    if status in (400, 413, 415, 422):
        return InputError(message, remedy=remedy)
    if status == 404:
        return NotFound(message, status=status, text=detail or "", remedy=remedy)
    if status == 429 or status >= 500:
        after = retry_after(response.headers)
        later = f"try again in {after:.0f} s" if after is not None else None
        return ServerFault(message, status=status, text=detail or "", remedy=remedy or later, retry_after=after)
    return Refused(message, status=status, text=detail or "", remedy=remedy)


def reworded(error: ApiError) -> ApiError:
    """A failure of the way there, with the remedies that a daemon's client has."""
    if isinstance(error, TlsFailure) and error.remedy:
        error.remedy = error.remedy.replace("RECONCILER_CA, or a target's tls: {ca: FILE}", "RECONCILER_SERVER_CA")
    elif isinstance(error, Unanswered):
        error.remedy = "look what became of it: reconciler status --server URL"
    return error


def _unknown(asked: Asked) -> LoginRefused:
    if asked.known:
        message = f"{asked.operation}: {asked.where} doesn't know the token"
        return LoginRefused(message, status=401, remedy=f"check {TOKEN}: it takes one with the role {asked.role}")
    message = f"{asked.operation}: {asked.where} asks for a token"
    return LoginRefused(message, status=401, remedy=f"set {TOKEN} to one with the role {asked.role}")


def _too_small(asked: Asked, detail: str | None, remedy: str | None) -> NoRights:
    needed = f"it takes a token with the role {asked.role}: set {TOKEN}"
    message = f"{asked.operation}: {detail or f'{asked.where} refused it'}"
    return NoRights(message, status=403, text=detail or "", remedy=f"{remedy}; {needed}" if remedy else needed)


def _strange(response: Response, asked: Asked) -> ApiError:
    message = f"{asked.operation}: {asked.where} answered {response.status}, and not as a reconciler does"
    remedy = "check the address: it is the one on which `reconciler run` listens"
    if response.status >= 500 or response.status == 429:
        return ServerFault(
            message, status=response.status, remedy="look whether the server, and what is before it, runs"
        )
    return BadReply(message, remedy=remedy)


def _json(response: Response, asked: Asked) -> Any:
    try:
        return response.json()
    except BadReply:
        raise _strange(response, asked) from None


def _problem(response: Response) -> Mapping[str, Any] | None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/problem+json":
        return None
    try:
        found = response.json()
    except BadReply:
        return None
    return found if isinstance(found, dict) else None


def _problems(problem: Mapping[str, Any]) -> list[Problem]:
    listed = problem.get("problems")
    if not isinstance(listed, list):
        return []
    return [
        Problem(Location(str(one.get("file", "")), _number(one, "line"), _number(one, "column")), _text(one, "message"))
        for one in listed
        if isinstance(one, dict)
    ]


def _invalid(problems: list[Problem], detail: str | None) -> InvalidTree:
    error = InvalidTree(problems)
    error.message = detail or error.message  # the server counts those that it left out, too
    return error


def _number(one: Mapping[str, Any], name: str) -> int:
    value = one.get(name)
    return value if isinstance(value, int) else 1


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    return value if isinstance(value, str) else ""


def _line(problem: Mapping[str, Any], name: str) -> str | None:
    """A text of the server's on one bounded line, None where there is none."""
    return clipped(safe(" ".join(_text(problem, name).split())), LONGEST) or None
