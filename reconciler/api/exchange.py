"""One request and its answer: tries, deadlines, limits. Knows nothing of sessions and flows."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial

import httpx

from reconciler.api.address import base_of, where
from reconciler.api.errors_map import LIBRARY_ERRORS, bare, failed, fenced, safe, unanswered
from reconciler.api.judge import objection
from reconciler.api.outgoing import Departure, build
from reconciler.api.retry import Breaker, pause, worth_another_try
from reconciler.api.settings import Calls, Hooks, Limits
from reconciler.api.upload import Upload
from reconciler.errors import ApiError, BadReply, LeaseLost, ReadOnly, ReconcilerError, Unreachable
from reconciler.secret import Secret, hidden
from reconciler.systems.auth import Auth
from reconciler.wire import FileBody, Request, Response


class Exchange:
    """Sends requests of one target. Its counters, turns and breaker are shared with the readers made from it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        auth: Auth,
        *,
        read_only: bool,
        limits: Limits,
        calls: Calls,
        hooks: Hooks,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._http = http
        self._base = base_of(url)
        self._where = where(self._base)
        self._auth = auth
        self._read_only = read_only
        self._limits = limits
        self.calls = calls
        self._hooks = hooks
        self._clock = clock
        self._sleep = sleep
        self._breaker = Breaker(limits.failures, limits.cooldown, clock)

    def reader(self) -> Exchange:
        """The same, for reading only."""
        twin = copy.copy(self)
        twin._read_only = True  # noqa: SLF001 - one of its own kind
        return twin

    def permit(self, request: Request) -> None:
        """Raises ReadOnly for a request that a client for reading must not send, whatever it says about itself."""
        if self._read_only and request.method != "GET" and request.operation not in self._auth.operations:
            raise ReadOnly(f"{request.operation} ({request.method}) reached a client that only reads")

    async def send(self, request: Request, credentials: Mapping[str, Secret], *, extra: bool = False) -> Response:
        """The answer, after as many tries as the request allows; ``extra`` says how the first one is counted.

        Raises ReadOnly, InputError, Unreachable, TlsFailure, Redirected, ServerFault (429; reads: 5xx too);
        BadReply for reads and Unanswered for the rest; for writes LeaseLost.
        """
        self.permit(request)
        login = request.operation in self._auth.operations
        tried = 0
        while True:
            tried += 1
            self._breaker.check(self._where)
            try:
                return await self._try(request, credentials, extra or tried > 1)
            except ApiError as error:
                if tried >= self._limits.tries or not worth_another_try(request, error, login=login):
                    raise
                rest = pause(tried, error, self._limits)
            await self._sleep(rest)

    async def _try(self, request: Request, credentials: Mapping[str, Secret], extra: bool) -> Response:
        started = self._clock()
        try:
            response = await self._roundtrip(request, credentials, extra)
        except ReconcilerError as error:
            if isinstance(error, Unreachable):
                self._breaker.failed()
            self._report(request, error, started)
            raise
        self._breaker.answered()
        self._report(request, response.status, started)
        words = self._auth.error_text(response) if response.status >= 400 else ""
        against = objection(request, response, self._where, words)
        if against is None:
            return response
        del response  # reports of errors may show local variables, and a server may repeat what it was sent
        raise against

    def _report(self, request: Request, outcome: int | ReconcilerError, started: float) -> None:
        if self._hooks.on_call:
            self._hooks.on_call(request, outcome, self._clock() - started)

    async def _roundtrip(self, request: Request, credentials: Mapping[str, Secret], extra: bool) -> Response:
        departure = Departure(self._hooks.fence if request.write else None)
        seconds = self._limits.upload if isinstance(request.body, FileBody) else self._limits.request
        failure: ReconcilerError
        with self._upload(request, departure) as upload:
            outgoing = build(
                self._http, self._base, request, credentials, upload=upload, limits=self._limits, departure=departure
            )
            self.calls.count(request, extra=extra)
            try:
                async with asyncio.timeout(seconds):
                    return await self._answer(outgoing, request, partial(self._hide, credentials))
            except LIBRARY_ERRORS as error:
                failure = failed(request, error, departure, where=self._where, seconds=seconds)
            except BadReply as error:
                failure = error if safe(request) else unanswered(request, error.message)
            except LeaseLost as error:
                failure = fenced(request, error, departure)
            except ReconcilerError as error:
                failure = bare(error)
        # Raised out here so that what the library raised, and quotes, isn't its context.
        raise failure

    def _upload(self, request: Request, departure: Departure) -> Upload | nullcontext[None]:
        body = request.body
        if not isinstance(body, FileBody):
            return nullcontext()
        hook, total = self._hooks.on_upload, body.size
        return Upload(body, departure.check, lambda sent: hook(request, sent, total) if hook else None)

    def _hide(self, credentials: Mapping[str, Secret], text: str) -> str:
        """The server's words without what it may have been sent."""
        known = self._hooks.hide
        return hidden(known(text) if known else text, credentials.values())

    async def _answer(self, outgoing: httpx.Request, request: Request, hide: Callable[[str], str]) -> Response:
        response = await self._http.send(outgoing, stream=True, auth=None, follow_redirects=False)
        try:
            body = await self._body(response, hide)
            # A cookie would be a second identity; nobody needs one, and it must not be shown.
            headers = {name: value for name, value in response.headers.items() if name != "set-cookie"}
            return Response(response.status_code, headers, body, request.border, hide)
        finally:
            await response.aclose()

    async def _body(self, response: httpx.Response, hide: Callable[[str], str]) -> bytes:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            encoding = hide(encoding)[:20]
            raise BadReply(f"the answer is encoded ({encoding}), which was not asked for")
        most, body = self._limits.body, bytearray()
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > most:
            raise BadReply(f"the answer is larger than {most} bytes")
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most:
                raise BadReply(f"the answer is larger than {most} bytes")
        return bytes(body)
