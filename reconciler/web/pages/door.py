"""Who stands at a page's door: by a session's cookie, by a bearer token, or by being on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from reconciler.web.auth import Caller, Guard
from reconciler.web.pages.sessions import Session, Sessions
from reconciler.web.problems import Refusal
from reconciler.web.reading import chunks
from reconciler.web.settings import BODY_SECONDS, SMALL_BODY, Role, WebSettings

MOST_FIELDS = 20


class Visitor(Struct, frozen=True):
    """Who asks for a page; ``session`` is None where a bearer token, or nothing at all, was given."""

    caller: Caller
    session: Session | None = None

    @property
    def operates(self) -> bool:
        """Whether forms are for them."""
        return self.caller.may(Role.OPERATE)


class Door:
    """Knows visitors, and keeps their sessions."""

    def __init__(self, settings: WebSettings, guard: Guard, sessions: Sessions | None = None) -> None:
        self.sessions = Sessions() if sessions is None else sessions
        self._settings, self._guard = settings, guard
        self._secure = settings.secure or not settings.loopback
        self._cookie = "__Host-reconciler" if settings.secure else "reconciler"

    @property
    def open(self) -> bool:
        """Whether reading needs no token."""
        return self._guard.open

    @property
    def keyed(self) -> bool:
        """Whether there is any token to sign in with."""
        return bool(self._settings.tokens)

    def forgetful(self, request: Request) -> bool:
        """Whether the browser won't keep our cookie: it came over plain HTTP, and not to its own machine."""
        local = request.url.hostname in ("localhost", "127.0.0.1", "::1")
        return self._secure and not self._settings.secure and request.url.scheme == "http" and not local

    def visitor(self, request: Request) -> Visitor | None:
        """Who asks; None: nobody whom we know. A token in the header says more than a cookie."""
        if "authorization" not in request.headers:
            session = self.sessions.find(request.cookies.get(self._cookie, ""))
            if session is not None:
                return Visitor(session.caller, session)
        caller = self._guard.who(request)
        if caller is None and "authorization" in request.headers:
            self._guard.unknown(request)
        return Visitor(caller) if caller is not None else None

    def sign_in(self, request: Request, token: str) -> str | None:
        """A new session's id, instead of the one there may be; None: nobody has this token. Raises a 429."""
        caller = self._guard.bearer(token)
        if caller is None:
            self._guard.unknown(request)
            return None
        self.sessions.close(request.cookies.get(self._cookie, ""))
        return self.sessions.open(caller)

    def give(self, response: Response, id: str) -> None:
        """Hand the session's id to the browser: for this site's own pages alone, out of reach of scripts."""
        response.set_cookie(self._cookie, id, httponly=True, secure=self._secure, samesite="strict", path="/")

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session, here and in the browser."""
        self.sessions.close(request.cookies.get(self._cookie, ""))
        response.delete_cookie(self._cookie, path="/", httponly=True, secure=self._secure, samesite="strict")


def check(request: Request, form: Mapping[str, str], visitor: Visitor) -> None:
    """Refuse a form that another site may have made the browser send. Raises Refusal 403.

    A browser adds no bearer token by itself, so that such a request needs no proof.
    """
    if visitor.session is None:
        return
    check_origin(request)
    if not visitor.session.agrees(form.get("csrf", "")):
        raise Refusal(403, "the form is too old, or isn't from this page: reload it and try again")


def check_origin(request: Request) -> None:
    """Refuse what a browser says another site has sent, or doesn't say the origin of. Raises Refusal 403."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        same = site == "same-origin"
    else:
        same = origin is not None and urlsplit(origin).netloc == request.headers.get("host", "")
    if not same:
        raise Refusal(403, "the request doesn't come from this page: open the page here and try again")


async def form_of(request: Request) -> dict[str, str]:
    """The form that was sent. Raises Refusal 400, 408, 413 or 415."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refusal(415, "a form is sent as application/x-www-form-urlencoded")
    body = bytearray()
    async for chunk in chunks(request, SMALL_BODY, BODY_SECONDS):
        body += chunk
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Refusal(400, "the form can't be read") from error


def local(path: str) -> str:
    """A path of this site as it was given, or the first page."""
    plain = path.startswith("/") and path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and not path.startswith("//") and len(path) <= 500 else "/"
