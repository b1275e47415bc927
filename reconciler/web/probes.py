"""What watches the process asks: is it alive, is it ready, what do its figures say."""

from __future__ import annotations

from starlette.responses import Response

from reconciler.web.models import Probe
from reconciler.web.operations import Call
from reconciler.web.problems import json_response


async def healthz(call: Call) -> Response:
    """Whether the loop turns; where it doesn't, a restart helps."""
    stuck = call.control.healthy()
    return _told({"status": "ok"} if stuck is None else {"status": "stuck", "detail": stuck})


async def readyz(call: Call) -> Response:
    """Whether a tree is in force and each target was looked at."""
    if call.services.stopping.is_set():
        return _told({"status": "stopping"})
    return _told({"status": "ok" if call.control.ready else "not-ready"})


async def metrics(call: Call) -> Response:
    """The figures, in the format that was asked for."""
    accept = call.request.headers.get("accept", "")
    text, media_type = await call.beside(call.services.settings.metrics, accept)
    return Response(text, headers={"Content-Type": media_type, "Vary": "Accept"})


def _told(probe: Probe) -> Response:
    return json_response(probe, 200 if probe["status"] == "ok" else 503)
