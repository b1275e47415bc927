"""What goes over the wire, as plain data, so that all protocol logic is a generator that never does I/O itself.

A ``Flow`` yields a ``Request``, is sent back the ``Response``, and returns what it found out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import orjson
from msgspec import Struct

from reconciler.errors import BadReply
from reconciler.secret import Secret

T = TypeVar("T")
MAX_TEXT = 300
"""Characters of a server's words that are shown."""

MOST_READ = 65536
"""Characters of them that are looked at: a secret of many lines may stand before what is shown."""


DEEPEST = 64
"""Levels of lists and objects in a reply: the API's own have five, and Python stumbles over hundreds."""

NEVER_READ = frozenset({"api_key", "connection_key", "password"})
"""Fields of replies that hold a secret if a server shows them: behind a request's border they don't exist."""


class Session(Enum):
    """Which credentials go with a request."""

    OURS = "ours"
    NONE = "none"


class AsUser(Struct, frozen=True):
    """Credentials of another session, which the flow itself has opened."""

    headers: Mapping[str, Secret]


class FileBody(Struct, frozen=True):
    """A body that is streamed from disk: the path, the size in bytes, the SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``operation`` is its name in the OpenAPI document; the body is never shown.

    ``write`` says that it changes something that we manage; ``covers`` names the fields that it conveys,
    which matters where one step needs several requests. ``judged``: the flow itself judges every status, because the
    body may say something else. ``border`` is applied to the reply's JSON before
    any other code sees it (it seals keys that the server hands out in clear).
    """

    operation: str
    method: str
    path: str
    body: bytes | FileBody | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    session: Session | AsUser = Session.OURS
    write: bool = False
    covers: tuple[str, ...] | None = None
    judged: bool = False
    border: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The answer: status code, headers with lower-case names, body.

    ``hide`` takes out of the server's words what it was sent, in whatever form it repeats that. A text has to go
    through it before it is cut, as half a secret isn't recognised.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    border: Callable[[Any], Any] | None = None
    hide: Callable[[str], str] = field(default=str, repr=False)

    def json(self) -> Any:
        """The body as JSON, past the request's border, and without what nobody may see. Raises BadReply."""
        try:
            data = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            kind = one_line(self.hide(self.headers.get("content-type", "no content type")), 60)
            raise BadReply(f"the answer is not JSON ({len(self.body)} bytes, {kind})") from None
        return _without_keys(self.border(data) if self.border else data)

    @property
    def text(self) -> str:
        """The start of the body as one line, for messages."""
        return one_line(self.hide(self.body[:MOST_READ].decode("utf-8", "replace")))


_NESTED: frozenset[type] = frozenset({dict, list})


def _without_keys(data: Any) -> Any:
    """The same data, changed in place, without the fields of ``NEVER_READ``, however deep they lie.

    Raises BadReply if they can lie deeper than anything that the API answers.
    """
    level = [data] if data.__class__ in _NESTED else []
    for _ in range(DEEPEST):
        level = [one for part in level for one in _parts(part) if one.__class__ in _NESTED]
        if not level:
            return data
    raise BadReply(f"the answer is nested more than {DEEPEST} levels deep")


def _parts(part: Any) -> Iterable[Any]:
    """What lies directly in a list or an object, once its keys are gone."""
    if part.__class__ is list:
        return part
    if not NEVER_READ.isdisjoint(part):
        for name in NEVER_READ & part.keys():
            del part[name]
    return part.values()  # type: ignore[no-any-return]


Flow = Generator[Request, Response, T]


def one_line(text: str, most: int = MAX_TEXT) -> str:
    """A text of the server's as one bounded line without control characters."""
    text = text[:MOST_READ]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:most]


def json_body(data: Any) -> bytes:
    """Plain data as a JSON body."""
    return orjson.dumps(data)
