"""A page of terminal text: folds what is too wide, colours it, and lets nothing through that a terminal would obey."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from msgspec import Struct, field

from reconciler.render.words import safe

KEEP = 72
"""A word of prose up to this long (a digest, a URL) is never broken, so that it can be copied."""

NARROWEST = 20
CODES = {
    "bold": "1",
    "faint": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "danger": "1;31",
}


class Page(Struct):
    """Lines under construction."""

    width: int = 80
    colour: bool = False
    unicode: bool = True
    lines: list[str] = field(default_factory=list)

    def put(self, head: str, body: str, *, tint: str = "", style: str = "", hard: bool = False) -> None:
        """A head in ``tint`` and a body in ``style``, folded under where it starts; ``hard``: long words break too.

        Where a long head would leave too narrow a column, the lines after the first start further left.
        """
        head, body = self.clean(head), self.clean(body)
        first, width = cells(head), max(self.width, NARROWEST)
        hang = first if first <= width // 4 or len(head.lstrip(" ")) <= 3 else len(head) - len(head.lstrip(" ")) + 2
        for number, line in enumerate(fold(body, width - hang, first=width - first, hard=hard)):
            lead = " " * hang if number else self._dye(head, tint)
            self.lines.append((lead + self._dye(line, style)).rstrip())

    def gap(self) -> None:
        """A blank line, never two."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def clean(self, text: str) -> str:
        """Text as it may be sent to this terminal."""
        return safe(text, ascii_only=not self.unicode)

    def _dye(self, text: str, style: str) -> str:
        return f"\x1b[{CODES[style]}m{text}\x1b[0m" if self.colour and style and text.strip() else text

    def __str__(self) -> str:
        return "\n".join(self.lines).rstrip("\n") + "\n"


def cells(text: str) -> int:
    """How many columns a terminal gives the text."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fold(text: str, room: int, *, first: int | None = None, hard: bool = False) -> list[str]:
    """The text in lines of ``room`` columns (the first of ``first``), broken at spaces where there are any."""
    room = max(room, 1)
    left = max(first or room, 1)
    if cells(text) <= left:
        return [text]
    lines, line = [], ""
    for word in _words(text, min(room, left), room if hard else max(room, KEEP)):
        need = cells(word.rstrip(" "))
        if line and need > left:
            lines.append(line.rstrip(" "))
            line, left = "", room
        line += word
        left -= cells(word)
    return [*lines, line.rstrip(" ")]


def _words(text: str, room: int, longest: int) -> Iterator[str]:
    for word in re.findall(r"[^ ]+ *| +", text):
        if cells(word.rstrip(" ")) <= longest:
            yield word
        else:
            yield from _pieces(word, room)


def _pieces(word: str, room: int) -> Iterator[str]:
    piece, used = "", 0
    for char in word:
        if piece and used + _cells(char) > room:
            yield piece
            piece, used = "", 0
        piece += char
        used += _cells(char)
    yield piece
