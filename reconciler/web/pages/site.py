"""What all pages share: who sees them, how a failure looks, and what each template is given."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reconciler import __version__
from reconciler.daemon.control import Control
from reconciler.errors import InvalidTree, ReconcilerError
from reconciler.web.pages.door import Door, Visitor
from reconciler.web.pages.rendering import HEADERS, page
from reconciler.web.problems import Refusal, status_of
from reconciler.web.settings import Role

FRAGMENT = "reconciler-fragment"
"""The header by which the script asks for a page's changing part alone."""

Handler = Callable[[Request, Visitor], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Site(Struct, frozen=True):
    """The daemon, and the door to it."""

    control: Control
    door: Door

    def shown(self, handler: Handler, role: Role = Role.READ) -> Endpoint:
        """An endpoint for those with the role; others are asked to sign in, and failures are pages too."""

        async def endpoint(request: Request) -> Response:
            visitor = self.door.visitor(request)
            if visitor is None:
                return self._stranger(request)
            request.state.caller = visitor.caller.name  # for the log
            try:
                if not visitor.caller.may(role):
                    caller = visitor.caller
                    raise Refusal(403, f"this takes the role {role.value}; {caller.name} has {caller.role.value}")
                return await handler(request, visitor)
            except (Refusal, ReconcilerError) as error:
                return self.failure(request, visitor, error)

        return endpoint

    def _stranger(self, request: Request) -> Response:
        """Ask for a token. A browser that comes from elsewhere keeps a strict cookie back, so it is asked twice."""
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        script = FRAGMENT in request.headers or request.headers.get("accept") == "text/event-stream"
        if script or request.method not in ("GET", "HEAD") or "authorization" in request.headers:
            problem = {"title": "Sign in first", "text": "nobody is signed in here, or no longer", "remedy": None}
            given = self.frame(request, None, "Sign in first") | {"problem": problem}
            return page("message.html.j2", given, 401, **{"WWW-Authenticate": "Bearer"})
        if request.headers.get("sec-fetch-site") == "cross-site":
            return page("again.html.j2", self.frame(request, None, "One moment") | {"again": path})
        return RedirectResponse(f"/login?next={quote(path, safe='')}", 303, HEADERS)

    def failure(self, request: Request, visitor: Visitor | None, error: Refusal | ReconcilerError) -> Response:
        """A page that says what is wrong, and what to do about it."""
        status = error.status if isinstance(error, Refusal) else status_of(error)
        problem = problem_of(error)
        headers = dict(error.headers or {}) if isinstance(error, Refusal) else {}
        given = self.frame(request, visitor, problem["title"]) | {"problem": problem, "live": False}
        return page("message.html.j2", given, status, **headers)

    def frame(self, request: Request, visitor: Visitor | None, title: str) -> dict[str, Any]:
        """What the layout is given."""
        fragment = FRAGMENT in request.headers
        session = visitor.session if visitor is not None else None
        return {
            "title": title,
            "path": request.url.path,
            "fragment": fragment,
            "live": visitor is not None,
            "listens": request.path_params.get("name", ""),
            "visitor": visitor,
            "csrf": session.csrf if session is not None else "",
            "operates": visitor is not None and visitor.operates,
            "said": session.heard() if session is not None and not fragment else [],
            "open": self.door.open,
            "keyed": self.door.keyed,
            "insecure": self.door.forgetful(request),
            "now": time.time(),
            "last_event": last_event(self.control),
            "version": __version__,
            "problem": None,
        }


def problem_of(error: Refusal | ReconcilerError) -> dict[str, Any]:
    """A failure in words; one that is nobody else's business stays vague."""
    status = error.status if isinstance(error, Refusal) else status_of(error)
    title = HTTPStatus(status).phrase.capitalize()
    if isinstance(error, Refusal):
        return {"title": title, "text": error.detail, "remedy": error.remedy}
    if status == 500:
        return {"title": title, "text": "this didn't work; the daemon's log says why", "remedy": None}
    listed = f": {'; '.join(map(str, error.problems[:5]))}" if isinstance(error, InvalidTree) else ""
    return {"title": title, "text": error.message + listed, "remedy": error.remedy}


def last_event(control: Control) -> int:
    """The newest event's number, from which on a page listens."""
    recent = control.feed.since(0)
    return recent[-1].id if recent else 0
