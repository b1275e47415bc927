"""Find our own comment, then make or change it. A lost answer is looked after, never just sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from reconciler import __version__
from reconciler.api import Client, Limits, Tls, make_http
from reconciler.comment.forges import Forge, Note
from reconciler.comment.places import Place
from reconciler.errors import (
    ApiError,
    BadReply,
    LoginRefused,
    NoRights,
    NotFound,
    Refused,
    ServerFault,
    Unanswered,
    Unreachable,
)
from reconciler.secret import Secret, hidden
from reconciler.systems.keys import KeyAuth
from reconciler.systems.replies import error_text
from reconciler.wire import Flow, Response

MOST_PAGES = 100
PAUSES = (1.0, 5.0)
"""Seconds before all of it is tried again, where the server failed."""

PASSING = (ServerFault, Unanswered, Unreachable)


class Posted(Struct, frozen=True):
    """What was done, and where people see it."""

    done: Literal["created", "updated", "unchanged"]
    page: str | None


async def put(
    place: Place,
    token: Secret,
    marker: str,
    body: str,
    *,
    author: str | None = None,
    tls: Tls | None = None,
    pauses: Sequence[float] = PAUSES,
) -> Posted:
    """Make the comment whose text begins with ``marker``, or change it where it is. Raises InputError and ApiError."""
    http = make_http(place.api, tls=tls or Tls(), connections=1, user_agent=f"reconciler/{__version__}")
    auth = KeyAuth(place.forge.credentials(token))
    client = Client(http, place.api, auth, read_only=False, limits=Limits(patience=60.0))
    try:
        for pause in pauses:
            try:
                return await client.run(_put(place, marker, body, author))
            except PASSING as error:
                asked = error.retry_after if isinstance(error, ServerFault) else None
                await asyncio.sleep(min(max(pause, asked or 0.0), 60.0))
        return await client.run(_put(place, marker, body, author))
    except ApiError as error:
        error.message = hidden(error.message, [token])
        raise
    finally:
        await client.close()


def _put(place: Place, marker: str, body: str, author: str | None) -> Flow[Posted]:
    forge = place.forge
    name = author or (yield from _own_name(forge))
    there = yield from _mine(place, marker, name)
    if there is None:
        request = forge.create(place.repository, place.number, body)
    elif there.body.replace("\r\n", "\n").strip() == body.strip():
        return Posted("unchanged", there.page)
    else:
        request = forge.update(place.repository, place.number, there.id, body)
    note = forge.note(_accepted(place, (yield request)).json())
    return Posted("created" if there is None else "updated", note.page if note else None)


def _own_name(forge: Forge) -> Flow[str]:
    """Who we are. A workflow's own token may not ask, and is known by its robot's name."""
    response = yield forge.me()
    if response.status in (403, 404) and forge.robot is not None:
        return forge.robot
    name = forge.name_of(_accepted(None, response, forge).json())
    if name is None:
        raise BadReply("the server doesn't tell whom the token belongs to", remedy="say it with --author NAME")
    return name


def _mine(place: Place, marker: str, author: str) -> Flow[Note | None]:
    """Our oldest comment with the marker."""
    for page in range(1, MOST_PAGES + 1):
        response = yield place.forge.comments(place.repository, place.number, page)
        listed = _accepted(place, response).json()
        if not isinstance(listed, list):
            raise BadReply("the answer is no list of comments", remedy="check the address of the API")
        for note in filter(None, map(place.forge.note, listed)):
            if note.author.lower() == author.lower() and note.body.startswith(marker):
                return note
        if not place.forge.more(response):
            return None
    raise BadReply(f"there are more than {MOST_PAGES} pages of comments")


def _accepted(place: Place | None, response: Response, forge: Forge | None = None) -> Response:
    """The answer, if it says yes."""
    if 200 <= response.status < 300:
        return response
    asked = place.forge if place is not None else forge
    assert asked is not None
    words = error_text(response)
    said = f"{asked.name} answered {response.status}" + (f": {words}" if words else "")
    status = response.status
    if status == 401:
        raise LoginRefused(said, status=status, remedy="check the token: RECONCILER_COMMENT_TOKEN, or the forge's own")
    if status == 403:
        raise NoRights(said, status=status, remedy=f"the token may not comment; it takes {asked.permission}")
    if status == 404:
        what = f"{asked.thing} {place.number} of {place.repository}" if place is not None else "API"
        raise NotFound(f"{said}; there is no {what}, or the token doesn't see it", status=status)
    raise Refused(said, status=status)
