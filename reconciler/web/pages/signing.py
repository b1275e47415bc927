"""Signing in with a token, once a browser session, and out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reconciler.errors import ReconcilerError
from reconciler.web.pages.door import Visitor, check, check_origin, form_of, local
from reconciler.web.pages.rendering import HEADERS, page
from reconciler.web.pages.site import Site, problem_of
from reconciler.web.problems import Refusal


async def login_page(site: Site, request: Request) -> Response:
    """``GET /login``: asks for a token."""
    return _form(site, request, local(request.query_params.get("next", "/")))


async def sign_in(site: Site, request: Request) -> Response:
    """``POST /login``: takes a token, gives a cookie that doesn't hold it."""
    wanted = "/"
    try:
        check_origin(request)
        form = await form_of(request)
        wanted = local(form.get("next", "/"))
        id = site.door.sign_in(request, form.get("token", "").strip())
        if id is None:
            raise Refusal(403, "there is no such token", remedy="take one of those that the configuration names")
    except (Refusal, ReconcilerError) as error:
        status = error.status if isinstance(error, Refusal) else 500
        return _form(site, request, wanted, problem=problem_of(error), status=status)
    response = RedirectResponse(wanted, 303, HEADERS)
    site.door.give(response, id)
    return response


async def sign_out(site: Site, request: Request, visitor: Visitor) -> Response:
    """``POST /logout``."""
    check(request, await form_of(request), visitor)
    response = RedirectResponse("/login", 303, HEADERS)
    site.door.sign_out(request, response)
    return response


def _form(
    site: Site, request: Request, wanted: str, *, problem: Mapping[str, Any] | None = None, status: int = 200
) -> Response:
    frame = site.frame(request, None, "Not signed in" if problem else "Sign in")
    return page("login.html.j2", frame | {"wanted": wanted, "problem": problem}, status)
