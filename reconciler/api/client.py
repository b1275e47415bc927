"""The client of one target: drives flows, journals writes, and settles what an expired session means for each."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import httpx

from reconciler.api.errors_map import safe
from reconciler.api.exchange import Exchange
from reconciler.api.factory import Pool
from reconciler.api.flows import T, drive
from reconciler.api.session import Opened, Sessions
from reconciler.api.settings import Calls, Hooks, Journal, Limits
from reconciler.errors import ReconcilerError, SessionRenewed
from reconciler.secret import Secret
from reconciler.systems.auth import Auth
from reconciler.wire import Flow, Request, Response, Session


class Client:
    """Sends what flows describe to one managed system. For one event loop; takes ``http`` over.

    ``url`` is the system's base address. ``clock`` gives monotonic seconds. Raises InputError for a bad URL.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        auth: Auth,
        *,
        read_only: bool,
        limits: Limits | None = None,
        calls: Calls | None = None,
        hooks: Hooks | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._limits = limits or Limits()
        hooks = hooks or Hooks()
        self._exchange = Exchange(
            http, url, auth, read_only=read_only, limits=self._limits, calls=calls or Calls(), hooks=hooks,
            clock=clock, sleep=sleep,
        )  # fmt: skip
        self._sessions = Sessions(auth, self._exchange, hooks)
        self._turns = asyncio.Semaphore(self._limits.parallel)

    @property
    def calls(self) -> Calls:
        """What was sent so far."""
        return self._exchange.calls

    def count_anew(self) -> None:
        """Begin to count at zero, for a client that outlives a pass."""
        self._exchange.calls = Calls()

    def reader(self) -> Client:
        """A client that only reads and shares everything else with this one: its session above all.

        Two sessions of one user may end each other. Closing the original closes both.
        """
        twin = copy.copy(self)
        twin._exchange = self._exchange.reader()  # noqa: SLF001 - one of its own kind
        return twin

    async def run(self, flow: Flow[T], journal: Journal | None = None, *, polling: bool = False) -> T:
        """Drive a flow to its end and return its result; ``polling`` counts its requests as extra.

        Raises what the flow raises, which includes each error here that it doesn't handle: ReadOnly, InputError,
        LoginRefused, Unreachable, TlsFailure, Redirected, ServerFault; for reads BadReply; for others Unanswered
        and SessionRenewed; and what the journal raises.
        """
        return await drive(flow, lambda request: self._perform(request, journal, polling))

    async def rest(self) -> None:
        """Close all connections, if nobody uses one right now. Never raises."""
        if isinstance(self._http, Pool):
            with suppress(Exception):
                await self._http.rest()

    async def close(self) -> None:
        """Log out of a session that we opened, and close the connections. Never raises."""
        with suppress(Exception):
            async with asyncio.timeout(self._limits.logout):
                await self._sessions.close()
        with suppress(Exception):
            await self._http.aclose()

    async def _perform(self, request: Request, journal: Journal | None, extra: bool) -> Response:
        self._exchange.permit(request)
        if request.session is not Session.OURS:
            headers = {} if isinstance(request.session, Session) else request.session.headers
            return await self._send(request, headers, journal, extra)
        opened = await self._sessions.current()
        response = await self._send(request, opened.headers, journal, extra)
        if not await self._sessions.has_expired(opened, request, response):
            return response
        return await self._once_more(request, await self._sessions.renewed(opened))

    async def _once_more(self, request: Request, opened: Opened) -> Response:
        if not safe(request):
            raise SessionRenewed(f"{request.operation}: the session had expired and was renewed; nothing was done")
        response = await self._send(request, opened.headers, None, extra=True)
        # The answer is final either way; this is for the session, of which it may be the first.
        self._sessions.accepted(opened, request, response)
        return response

    async def _send(
        self, request: Request, headers: Mapping[str, Secret], journal: Journal | None, extra: bool
    ) -> Response:
        if journal is None or not request.write:
            async with self._turns:
                return await self._exchange.send(request, headers, extra=extra)
        # Journalled while others have their turn, so that a turn isn't spent on waiting for the disk.
        token = await journal.before(request)
        try:
            async with self._turns:
                journal.departs(token)
                response = await self._exchange.send(request, headers, extra=extra)
        except ReconcilerError as error:
            await journal.after(token, None, error)
            raise
        await journal.after(token, response, None)
        return response
