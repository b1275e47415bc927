"""Reading answers, the same way for every system: what isn't understood is an error, never nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import takewhile
from typing import Any

from reconciler.errors import BadReply, NoRights, NotFound, Refused, ServerFault
from reconciler.wire import MOST_READ, Request, Response, one_line

ERROR_KEYS = ("err", "error", "message", "detail", "response")


def error_text(response: Response) -> str:
    """The server's own words about a failure: the first known key of a JSON object, else the start of the body.

    Of a body that is JSON, ``NEVER_READ`` is taken out first: a refusal may repeat what it refuses, keys included.
    """
    try:
        data = response.json()
    except BadReply:
        return response.text
    if isinstance(data, dict):
        for key in ERROR_KEYS:
            if isinstance(data.get(key), str) and data[key].strip():
                return one_line(response.hide(data[key][:MOST_READ]))
    return one_line(response.hide(json.dumps(_start(data, response.hide, [MOST_READ]), ensure_ascii=False)))


def _start(data: Any, hide: Callable[[str], str], room: list[int]) -> Any:
    """As much of plain data as there is room for (characters), without what its texts give away.

    Written as JSON once more, a secret that the server had encoded already would be in a disguise that nobody knows.
    """
    room[0] -= 1
    if isinstance(data, str):
        text = data[: max(room[0], 0)]
        room[0] -= len(text)
        return hide(text)
    if isinstance(data, list):
        return [_start(one, hide, room) for one in takewhile(lambda _: room[0] > 0, data)]
    if isinstance(data, dict):
        pairs = takewhile(lambda _: room[0] > 0, data.items())
        return {_start(name, hide, room): _start(one, hide, room) for name, one in pairs}
    return data


def accepted(request: Request, response: Response) -> Response:
    """The response, if its status is 2xx. Raises Refused, NoRights, NotFound or ServerFault."""
    if 200 <= response.status < 300:
        return response
    text = error_text(response)
    message = f"{request.method} {request.path}: {response.status}" + (f", {text}" if text else "")
    if response.status == 404:
        raise NotFound(message, status=404, text=text)
    if response.status == 405:
        raise NoRights(
            message, status=405, text=text, remedy="give the user that the reconciler runs as the right for it"
        )
    if response.status == 429 or response.status >= 500:
        raise ServerFault(message, status=response.status, text=text)
    raise Refused(message, status=response.status, text=text)


def an_object(data: Any, what: str) -> dict[str, Any]:
    """``data`` as a JSON object. Raises BadReply."""
    if not isinstance(data, dict):
        raise BadReply(f"{what}: expected a JSON object, got {json_type(data)}")
    return data


def entries(data: Any, what: str, id_names: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """A list of objects as (id, object) pairs. Raises BadReply when anything in it has no id, or another's."""
    if not isinstance(data, list):
        raise BadReply(f"{what}: expected a list, got {json_type(data)}")
    names = tuple(id_names)
    found = [(_id_of(entry, what, names), entry) for entry in data]
    # Whoever deletes by an id that two objects have may delete the other one; the same entry twice is only odd.
    by_id = dict(found)
    if len(by_id) < len(found) and not all(_alike(by_id[id], entry) for id, entry in found):
        raise BadReply(f"{what}: two entries have the same id")
    return found


def only(found: Iterable[tuple[str, dict[str, Any]]], fields: frozenset[str]) -> list[tuple[str, dict[str, Any]]]:
    """(id, object) pairs with the fields of these paths only: see :func:`picked`."""
    return [(id, picked(entry, fields)) for id, entry in found]


def picked(entry: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """The fields of a reply's object that its kinds read, and no other; ``config/host`` is ``host`` in ``config``.

    What a server shows besides, in this version or in a later one, never gets into a view. The object itself may be
    what is returned, less what was in it.
    """
    names, nested = _names(fields)
    found = entry if names.issuperset(entry) else {name: value for name, value in entry.items() if name in names}
    for name, inner in nested.items():
        value = found.get(name)
        if isinstance(value, dict):
            found[name] = picked(value, inner)
        elif name in found and name not in fields:
            del found[name]
    return found


@cache
def _names(fields: frozenset[str]) -> tuple[frozenset[str], Mapping[str, frozenset[str]]]:
    """The names that may stand in an object; and the fields that lie in objects, by the name of that object."""
    split = [path.split("/", 1) for path in fields if "/" in path]
    nested = {name: frozenset(rest for first, rest in split if first == name) for name, _ in split}
    return fields | nested.keys(), nested


def _alike(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        return False


def _id_of(entry: Any, what: str, names: tuple[str, ...]) -> str:
    if isinstance(entry, dict):
        for name in names:
            found = entry.get(name)
            if (found.__class__ is str and found) or found.__class__ is int:
                return str(found)
    raise BadReply(f"{what}: an entry has no {' or '.join(names)}")


def a_text(entry: Mapping[str, Any], key: str, what: str) -> str:
    """A text field that must be there. Raises BadReply."""
    found = entry.get(key)
    if not isinstance(found, str):
        raise BadReply(f"{what}: {key} is {json_type(found)}, not a text")
    return found


def json_type(data: Any) -> str:
    """A JSON type in words, for messages that must not hold the value."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(data), "a number")
