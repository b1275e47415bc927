"""The disguises in which a secret turns up in texts: encoded for a URL, a header, JSON, HTML or a terminal."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Characters. What is shorter isn't looked for, as in ``secret.hidden``: it would be found in every other word."""

_SHORTEST_CODED = 6
_SHORTEST_LINE = 16
_URL_ESCAPE = re.compile("%[0-9A-F]{2}")


def forms(value: str) -> frozenset[str]:
    """Every text that gives the value away, none shorter than ``SHORTEST``; empty for a value that is shorter.

    Of a value of many lines (a key file) each long line counts, as logs often show lines one by one.
    """
    if len(value) < SHORTEST:
        return frozenset()
    parts = {value, value.strip(), *_lines(value)}
    return frozenset(form for part in parts for form in _forms(part) if len(form) >= SHORTEST)


def _lines(value: str) -> Iterator[str]:
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))


def _forms(value: str) -> Iterator[str]:
    yield value
    yield html.escape(value)
    yield repr(value)[1:-1]
    yield from _json(value)
    raw = value.encode(errors="surrogatepass")
    yield repr(raw)[2:-1]
    for quoted in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield quoted
        yield _URL_ESCAPE.sub(lambda match: match[0].lower(), quoted)
    coded = (raw.hex(), raw.hex().upper(), *_base64(raw))
    yield from (form for form in coded if len(form) >= _SHORTEST_CODED)


def _json(value: str) -> Iterator[str]:
    """As JSON writes it, and as JSON that is quoted in JSON does."""
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def _base64(raw: bytes) -> Iterator[str]:
    """In base64 by itself, and as a part of something longer (``user:password``): what doesn't depend on the rest.

    Four characters stand for three bytes, so there are three ways to lie in them.
    """
    for start in range(3):
        code = b64encode(bytes(start) + raw).decode()
        whole = code.rstrip("=") if start == 0 else ""
        first = (start * 8 + 5) // 6
        last = (start + len(raw)) * 8 // 6
        for form in {whole, code[first:last]}:
            yield form
            yield form.translate({ord("+"): "-", ord("/"): "_"})
