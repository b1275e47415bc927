"""Log lines for people at a terminal: one event a line, and nothing in it that a terminal would obey."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from reconciler.render.words import safe

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}
_BARE = re.compile(r"[^\s\"'=\\]+")
_FIRST = ("time", "level", "event", "logger", "target", "pass", "exception", "stack")
_EVENT = 24
_INDENT = "    | "


def line(event: Mapping[str, Any], *, colour: bool) -> str:
    """``2026-01-02T03:04:05Z info     converged                target=a pass=7 seconds=0.4``.

    A traceback follows in lines that begin with ``    |``: no line of a foreign text can pass for an event.
    """
    paint = _paint if colour else _no_paint
    level = str(event.get("level", ""))
    head = [
        paint("2", f"{event.get('time', '')!s:.19}Z"),
        paint(_COLOURS.get(level, ""), f"{level:<8}"),
        paint("1", f"{safe(str(event.get('event', ''))):<{_EVENT}}"),
    ]
    names = [name for name in ("target", "pass", "logger") if name in event]
    names += [name for name in event if name not in _FIRST]
    head += [f"{paint('36', safe(name) + '=')}{_value(event[name])}" for name in names]
    more = [str(event[name]) for name in ("stack", "exception") if event.get(name)]
    return "\n".join([" ".join(head).rstrip(), *(_indented(text, paint) for text in more)])


def _value(value: Any) -> str:
    if isinstance(value, str):
        return safe(value) if _BARE.fullmatch(value) else safe(orjson.dumps(value).decode())
    return safe(orjson.dumps(value).decode())


def _indented(text: str, paint: Any) -> str:
    return "\n".join(paint("2", _INDENT + safe(part)) for part in text.split("\n"))


def _paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def _no_paint(_: str, text: str) -> str:
    return text
