"""Events for a page that is open: the API's stream, for whoever may see the page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from reconciler.web.operations import Services
from reconciler.web.pages.door import Visitor
from reconciler.web.pages.rendering import HEADERS
from reconciler.web.pages.site import Site
from reconciler.web.streaming import MEDIA_TYPE, EventStream, last_seen


async def listen(site: Site, request: Request, visitor: Visitor) -> Response:
    """``/events/live``: the API takes bearer tokens only, and a browser's event source has nothing but the cookie."""
    if request.method == "HEAD":
        return Response(media_type=MEDIA_TYPE)
    given = request.query_params.get("since", "")
    since = int(given) if given.isascii() and given.isdecimal() and len(given) < 17 else None
    services: Services = request.app.state.services
    stream = EventStream(services, last_seen(request, since))
    stream.headers.update(HEADERS)
    return stream
