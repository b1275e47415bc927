"""One session for all flows of a client: opened once, renewed once for all who notice, never after a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.api.exchange import Exchange
from reconciler.api.flows import drive
from reconciler.api.settings import Hooks
from reconciler.errors import LoginRefused, ReconcilerError, Unanswered, Unreachable
from reconciler.secret import Secret
from reconciler.systems.auth import Auth
from reconciler.wire import Request, Response, Session


@dataclass(eq=False, slots=True)
class Opened:
    """One session's headers. ``fixed``: a key that needs no login; ``worked``: it was accepted before."""

    headers: Mapping[str, Secret] = field(repr=False)
    fixed: bool
    worked: bool = False


class Sessions:
    """Hands out the current session. Which one a request went out with decides who renews: identity, not time."""

    def __init__(self, auth: Auth, exchange: Exchange, hooks: Hooks) -> None:
        self._auth = auth
        self._exchange = exchange
        self._hooks = hooks
        self._lock = asyncio.Lock()
        self._opened: Opened | None = None
        self._refused: LoginRefused | None = None
        self._logins = 0
        self._blamed: dict[str, Opened] = {}

    async def current(self) -> Opened:
        """The session, opened if need be.

        Raises LoginRefused (at once, if it was refused before), and Unreachable where logging in got no answer.
        """
        return self._opened or await self._replace(None)

    async def renewed(self, expired: Opened) -> Opened:
        """A session other than ``expired``: one login, however many ask."""
        return await self._replace(expired)

    async def has_expired(self, opened: Opened, request: Request, response: Response) -> bool:
        """Whether this answer to ``request`` is due to the end of its session.

        A 401 or 403 is believed, but not of two sessions in a row for one operation: that looks like a missing
        right, and needs the probe to say otherwise, as a 400 always does.
        """
        if self.accepted(opened, request, response) or opened.fixed or not opened.worked:
            return False
        if response.status not in (401, 403) or self._blamed.get(request.operation, opened) is not opened:
            return await self._probed(opened)
        self._blamed[request.operation] = opened
        return True

    def accepted(self, opened: Opened, request: Request, response: Response) -> bool:
        """Whether the session was good enough for this answer; remembered, as only such a session can expire."""
        if self._auth.suspects(response):
            return False
        opened.worked = opened.worked or response.status < 400
        self._blamed.pop(request.operation, None)
        return True

    async def close(self) -> None:
        """Log out, if we logged in. Raises what the flow raises."""
        opened, self._opened = self._opened, None
        if opened is not None and not opened.fixed:
            await drive(self._auth.logout(), lambda request: self._exchange.send(request, opened.headers))

    async def _probed(self, opened: Opened) -> bool:
        try:
            answer = await self._exchange.send(self._auth.probe(), opened.headers, extra=True)
        except ReconcilerError:
            return False
        return self._auth.proves_expired(answer)

    async def _replace(self, unwanted: Opened | None) -> Opened:
        async with self._lock:
            if self._opened is None or self._opened is unwanted:
                self._opened = None
                self._opened = await self._open()
            return self._opened

    async def _open(self) -> Opened:
        headers = self._auth.static_headers()
        if headers is not None:
            return Opened(headers, fixed=True)
        if self._refused is not None:
            raise _again(self._refused)
        try:
            return Opened(await self._login(), fixed=False)
        except Unanswered as error:
            # Said of a login, "may have been done" would be taken to be about the request that waits for it.
            raise Unreachable(f"no session: {error.message}; nothing else was sent") from error

    async def _login(self) -> Mapping[str, Secret]:
        again = self._logins > 0
        try:
            if self._hooks.guard:
                await self._hooks.guard()
        except LoginRefused as error:
            self._refused = error
            raise
        self._logins += 1
        try:
            return await drive(self._auth.login(), lambda request: self._send(request, again))
        except LoginRefused as error:
            self._refused = error
            if self._hooks.on_login_refused:
                await self._hooks.on_login_refused(error)
            raise

    async def _send(self, request: Request, again: bool) -> Response:
        headers = {} if isinstance(request.session, Session) else request.session.headers
        return await self._exchange.send(request, headers, extra=again)


def _again(error: LoginRefused) -> LoginRefused:
    """The same refusal anew: one that is raised twice would collect the tracebacks of both."""
    return LoginRefused(error.message, status=error.status, text=error.text, remedy=error.remedy)
