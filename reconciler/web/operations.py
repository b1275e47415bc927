"""What an operation is: one description that both routes it and documents it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct, field
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from reconciler.daemon.control import Control
from reconciler.daemon.state import TargetState
from reconciler.errors import ReconcilerError, UnknownTarget
from reconciler.web.auth import LOCAL, Caller, Guard
from reconciler.web.gates import Bucket, Rates, Slots, Waker
from reconciler.web.problems import Refusal, failed, status_of
from reconciler.web.reading import body_of, query_of, refuse_query
from reconciler.web.settings import SMALL_BODY, Role, WebSettings

HOOKS_AT_ONCE = 8

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Services:
    """What operations work with: the daemon, what was configured, and the bounds that all requests share."""

    def __init__(self, control: Control, settings: WebSettings, guard: Guard) -> None:
        self.control = control
        self.settings = settings
        self.guard = guard
        self.stopping = asyncio.Event()
        self.document = b""
        self.plan_rates = Rates(settings.plans.per_minute)
        self.plan_slots = Slots(settings.plans.at_once, "plans")
        self.streams = Slots(settings.streams, "listeners")
        self.hook_slots = Slots(HOOKS_AT_ONCE, "webhooks")
        self.waker = Waker(control.wake, Bucket(settings.hooks_per_minute))


class Call(Struct, frozen=True):
    """One request to an operation, past its checks."""

    request: Request
    services: Services
    caller: Caller
    query: BaseModel | None = None
    body: BaseModel | None = None

    @property
    def control(self) -> Control:
        return self.services.control

    @property
    def name(self) -> str:
        """The target's name in the path."""
        return str(self.request.path_params["name"])

    def asked(self, model: type[M]) -> M:
        """The query."""
        assert isinstance(self.query, model)
        return self.query

    def given(self, model: type[M]) -> M:
        """The body."""
        assert isinstance(self.body, model)
        return self.body

    def state(self, name: str) -> TargetState:
        """A target's picture. Raises UnknownTarget."""
        found = self.control.targets.get(name)
        if found is None:
            raise UnknownTarget("there is no target of this name")
        return found

    async def beside(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Call what blocks, beside the event loop."""
        return await run_in_threadpool(partial(function, *args, **named))


Handler: TypeAlias = Callable[[Call], Awaitable[Response]]
Gate: TypeAlias = Callable[[Services, Caller], AbstractContextManager[None]]


def _wide(_: Services, __: Caller) -> AbstractContextManager[None]:
    return nullcontext()


def _small(_: WebSettings) -> int:
    return SMALL_BODY


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path.

    ``role`` None: open to all. ``answers`` are the good statuses, each with its media types and their types (None: no
    JSON to describe); ``statuses`` the bad ones beside those that follow from the rest. ``gate`` is passed before the
    body is read, which has at most ``limit`` bytes. ``schemes`` are the ways to prove oneself where it isn't a token.
    """

    method: str
    path: str
    id: str
    summary: str
    handler: Handler
    role: Role | None = None
    answers: Mapping[int, Mapping[str, Any]]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    statuses: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    gate: Gate = _wide
    limit: Callable[[WebSettings], int] = _small
    schemes: tuple[str, ...] = ()

    async def answer(self, services: Services, request: Request) -> Response:
        """Check who asks and what, then do it."""
        caller = self.admit(services, request)
        try:
            call = Call(request, services, caller, self._query(request))
            if "name" in request.path_params:
                call.state(call.name)
            with self.gate(services, caller):
                return await self.handler(await self._with_body(call))
        except ReconcilerError as error:
            if status_of(error) == 500:
                raise
            return failed(error)

    def admit(self, services: Services, request: Request) -> Caller:
        """Who asks. Raises a 401 or 403."""
        caller = services.guard.who(request)
        request.state.caller = caller.name if caller else None
        if self.role is None:
            return caller or Caller(LOCAL, Role.READ)
        if caller is None:
            if "authorization" in request.headers:
                services.guard.unknown(request)
            headers = {"WWW-Authenticate": "Bearer"}
            raise Refusal(401, "this takes a token that is known here", headers=headers)
        if not caller.may(self.role):
            detail = f"this takes the {self.role} role, and {caller.name} has {caller.role}"
            remedy = "configure tokens" if services.guard.open else "use a token with that role"
            raise Refusal(403, detail, remedy=remedy)
        return caller

    def _query(self, request: Request) -> BaseModel | None:
        if self.query is not None:
            return query_of(request, self.query)
        if self.role is not None:
            refuse_query(request)
        return None

    async def _with_body(self, call: Call) -> Call:
        if self.body is None:
            return call
        settings = call.services.settings
        body = await body_of(call.request, self.body, self.limit(settings), settings.body_seconds)
        return Call(call.request, call.services, call.caller, call.query, body)
