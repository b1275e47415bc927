"""Builds one document's plain data from the parser's events, as fast as Python can.

All is tuned for documents that are right. Whatever isn't stops the work with ``Odd``; which places are
wrong, and why, is found out by ``tree`` in a second look at that document alone. PyYAML's own composer
and constructor are never reached: they are where crashes, bombs and surprises live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from sys import intern
from types import NoneType
from typing import Any, NoReturn

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.load.limits import MAX_DEPTH
from reconciler.load.scalars import AMBIGUOUS, Odd, resolve

Events = Iterator[Any]
"""The parser's events: ``yaml.Event``, most of whose attributes PyYAML's type stubs don't know."""

INDICATORS = {
    "&": "anchors (&) are not supported: write the value out where it is needed, or put the text in quotes",
    "*": "aliases (*) are not supported: write the value out, or put the text in quotes",
    "!": "tags (!) are not supported: leave the tag out, or put the text in quotes",
}
KEY_NOT_STRING = "this key is not a string: put it in quotes"
KEY_MISSING = "a key is missing before the ':'"
MERGE = "merge keys (<<) are not supported: write the fields out"


class TooDeep(Exception):
    """The document is nested too deeply; ``mark`` is where."""

    def __init__(self, mark: Any) -> None:
        super().__init__()
        self.mark = mark


class TooMany(Exception):
    """The events ended early, because the document has more values than allowed."""


class Keys(dict[str, str]):
    """Unquoted keys by their text; each is checked once, and all maps share the same string objects."""

    def __missing__(self, text: str) -> str:
        self[text] = known = plain_key(text)
        return known


def plain_key(text: str) -> str:
    """The key that an unquoted scalar is. Raises Odd if it isn't a string."""
    if text == "<<":
        raise Odd(MERGE)
    if not text:
        raise Odd(KEY_MISSING)
    try:
        is_string = resolve(text) is text
    except Odd:
        is_string = False
    if not is_string:
        raise Odd(KEY_NOT_STRING)
    return intern(text)


def build(start: Any, events: Events, keys: Keys) -> Any:
    """The plain data of the node that ``start`` begins; ``events`` are those that follow it.

    Raises Odd, TooDeep, TooMany, and what the parser raises.
    """
    if start.__class__ is ScalarEvent:
        return start.value if start.style else resolve(start.value)
    return _BUILD[start.__class__](start, events, keys, 1)


def watched(events: Events, text: str) -> Events:
    """The same events; raises Odd at the first anchor, alias or tag (only a look at the text tells ``! 12``)."""
    for event in events:
        index = event.start_mark.index
        if text[index : index + 1] in INDICATORS:
            raise Odd
        yield event


def _mapping(start: Any, events: Events, keys: Keys, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise TooDeep(start.start_mark)
    result: dict[str, Any] = {}
    for event in events:
        if event.__class__ is not ScalarEvent:
            if event.__class__ is MappingEndEvent:
                return result
            raise Odd
        key = intern(event.value) if event.style else keys[event.value]
        if key in result:
            raise Odd
        given = next(events, None)
        if given.__class__ is ScalarEvent:
            value: Any = given.value
            if value[:1] in AMBIGUOUS and not given.style:
                value = resolve(value)
            result[key] = value
        else:
            result[key] = _BUILD[given.__class__](given, events, keys, depth + 1)
    raise TooMany


def _sequence(start: Any, events: Events, keys: Keys, depth: int) -> list[Any]:
    if depth > MAX_DEPTH:
        raise TooDeep(start.start_mark)
    result: list[Any] = []
    for event in events:
        if event.__class__ is ScalarEvent:
            value: Any = event.value
            if value[:1] in AMBIGUOUS and not event.style:
                value = resolve(value)
            result.append(value)
        elif event.__class__ is SequenceEndEvent:
            return result
        else:
            result.append(_BUILD[event.__class__](event, events, keys, depth + 1))
    raise TooMany


def _alias(*_: Any) -> NoReturn:
    raise Odd


def _ended(*_: Any) -> NoReturn:
    raise TooMany


_BUILD: dict[type, Callable[[Any, Events, Keys, int], Any]] = {
    MappingStartEvent: _mapping,
    SequenceStartEvent: _sequence,
    AliasEvent: _alias,
    NoneType: _ended,
}
