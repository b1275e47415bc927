"""The disguises in which a secret turns up in texts: encoded for a URL, a header, JSON, HTML or a terminal.

Whoever shows a text of somebody else's looks for all of them: a server that repeats what it was sent may encode it.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar
from urllib.parse import quote, quote_plus

K = TypeVar("K")

SHORTEST = 4
"""Characters. What is shorter isn't looked for: it would be found in every other word."""

_SHORTEST_CODED = 6
_SHORTEST_LINE = 16
_JSON_IN_HTML = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
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
    yield html.escape(value, quote=False)
    yield html.escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
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
        yield once.replace("/", "\\/")
        yield once.translate(_JSON_IN_HTML)
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


class Finder:
    """Finds values, in whatever form, in texts.

    A look costs about 0.2 µs a character, however many values there are and however alike they are: only where a text
    has the first four characters of a form is the rest looked up, once for each length that such forms have.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: Counter[str] = Counter()
        self._heads: dict[str, Counter[int]] = {}
        for value in values:
            self.add(value)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def add(self, value: str) -> None:
        """Look for this one, too. One that is shorter than ``SHORTEST`` isn't looked for."""
        for form in forms(value):
            self._forms[form] += 1
            self._heads.setdefault(form[:SHORTEST], Counter())[len(form)] += 1

    def drop(self, value: str) -> None:
        """Look no more for one that was added."""
        for form in forms(value):
            lengths = self._heads[form[:SHORTEST]]
            _decrease(self._forms, form)
            _decrease(lengths, len(form))
            if not lengths:
                del self._heads[form[:SHORTEST]]

    def covered(self, text: str, cover: str) -> str:
        """The text with ``cover`` in place of each run of values."""
        spans = self._spans(text)
        return _covered(text, spans, cover) if spans else text

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Where values are, in order."""
        heads = self._heads
        starts = [at for at in range(len(text) - SHORTEST + 1) if text[at : at + SHORTEST] in heads]
        pairs = ((at, at + length) for at in starts for length in heads[text[at : at + SHORTEST]])
        return [(start, stop) for start, stop in pairs if text[start:stop] in self._forms]


def _decrease(counts: Counter[K], what: K) -> None:
    counts[what] -= 1
    if not counts[what]:
        del counts[what]


def _covered(text: str, spans: list[tuple[int, int]], cover: str) -> str:
    """The text with each run of overlapping spans (in order of their starts) replaced."""
    parts, copied, end = [], 0, 0
    for start, stop in spans:
        if start >= end:
            parts.append(text[copied:start])
            parts.append(cover)
        end = max(end, stop)
        copied = end
    return "".join([*parts, text[copied:]])
