"""The status page: what the daemon knows, for people, and the few things that operators do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reconciler.daemon.control import Control
from reconciler.web.auth import Guard
from reconciler.web.pages import actions, assets, live, signing, views
from reconciler.web.pages.door import Door, Visitor
from reconciler.web.pages.site import Site
from reconciler.web.settings import Role, WebSettings

View = Callable[[Site, Request, Visitor], Awaitable[Response]]


def routes(control: Control, settings: WebSettings, guard: Guard) -> list[BaseRoute]:
    """The pages' routes, which are tried after the API's."""
    site = Site(control, Door(settings, guard))
    doings = (actions.reconcile, actions.suspend, actions.resume, actions.approve)
    return [
        assets.ROUTE,
        _shows(site, "/", views.show_overview),
        _shows(site, "/targets/{name}", views.show_target),
        _shows(site, "/events", views.show_events),
        _shows(site, "/events/live", live.listen),
        *(_does(site, f"/targets/{{name}}/{one.__name__}", partial(_acts, one)) for one in doings),
        _does(site, "/reconcile", actions.reconcile_all),
        Route("/login", partial(signing.login_page, site), methods=["GET"]),
        Route("/login", partial(signing.sign_in, site), methods=["POST"]),
        Route("/logout", site.shown(partial(signing.sign_out, site)), methods=["POST"]),
    ]


def _shows(site: Site, path: str, view: View) -> Route:
    return Route(path, site.shown(partial(view, site)), methods=["GET"])


def _does(site: Site, path: str, view: View) -> Route:
    return Route(path, site.shown(partial(view, site), Role.OPERATE), methods=["POST"])


async def _acts(doing: actions.Act, site: Site, request: Request, visitor: Visitor) -> Response:
    return await actions.act(site, request, visitor, doing)
