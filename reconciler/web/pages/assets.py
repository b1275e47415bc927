"""The style and the script: kept in memory, named by their content, so that browsers may keep them for ever."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES = {"page.css": "text/css", "page.js": "text/javascript"}
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


class Asset(Struct, frozen=True):
    """A file as it is sent; ``mark`` is the start of its SHA-256."""

    data: bytes
    mark: str
    media_type: str


@cache
def _asset(name: str) -> Asset:
    data = files("reconciler.web").joinpath("static", name).read_bytes()
    return Asset(data, sha256(data).hexdigest()[:16], TYPES[name])


def url(name: str) -> str:
    """Where the browser finds the asset: another address whenever its content changes."""
    return f"/static/{_asset(name).mark}/{name}"


async def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in TYPES or request.path_params["mark"] != _asset(name).mark:
        raise HTTPException(404)
    asset = _asset(name)
    tag = {"ETag": f'"{asset.mark}"'}
    if request.headers.get("if-none-match") == tag["ETag"]:
        return Response(status_code=304, headers=HEADERS | tag)
    return Response(asset.data, headers=HEADERS | tag, media_type=asset.media_type)


ROUTE = Route("/static/{mark}/{name}", _serve)
"""Open to everybody: nothing in them is secret."""
