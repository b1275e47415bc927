"""From bytes to text that the parser can be given: where it is cut, and what is refused before parsing.

A line that begins with ``---`` starts a document wherever it stands, even inside an unclosed quote. So a
document that can't be read is skipped by going on at the next such line.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from functools import cache
from typing import NamedTuple

from reconciler.load.limits import MAX_FILE_BYTES

NOT_UTF8 = "this isn't UTF-8 text: save the file as UTF-8"
CONTROL = "a control character stands here: remove it, or write it as an escape in double quotes"
DIRECTIVE = "directives (lines that begin with %) are not supported: remove the line, or indent it if it is text"

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_START = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)", re.MULTILINE)
_SUSPICIOUS = re.compile("(?<![A-Za-z0-9\"'])[&*!]")
_PLAIN = b"\t\n\r" + bytes(range(0x20, 0x7F))


@cache
def _forbidden() -> re.Pattern[str]:
    # It takes longer to make than many a tree to load, and most files are plain.
    return re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def refusal(data: bytes) -> str | None:
    """Why the bytes as a whole can't be a file of the desired state, if so."""
    if len(data) > MAX_FILE_BYTES:
        return f"the file is larger than {MAX_FILE_BYTES // 1024**2} MiB: split it"
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "this is UTF-16 text: save the file as UTF-8"
    return None


def is_plain(data: bytes) -> bool:
    """Whether there is nothing in a file but printable ASCII, tabs and line breaks."""
    return not data.translate(None, _PLAIN)


def decoded(data: bytes) -> str:
    """The text without its byte order mark; bytes that aren't UTF-8 become what ``fault`` finds."""
    return data.decode("utf-8-sig", "surrogateescape")


class Fault(NamedTuple):
    """A place that the parser must not see: where in the text, its column from 1, and what to say about it."""

    at: int
    column: int
    message: str


def fault(text: str, position: int, *, plain: bool) -> Fault | None:
    """The first fault from ``position`` (a line's start) on; of a ``plain`` text, no character is looked at for itself.

    Directives are among them because the parser needs quadratic time for many.
    """
    found = None if plain else _forbidden().search(text, position)
    directive = position if text.startswith("%", position) else text.find("\n%", position) + 1
    if directive >= position and text.startswith("%", directive) and (found is None or directive < found.start()):
        return Fault(directive, 1, DIRECTIVE)
    if found is None:
        return None
    index = found.start()
    column = index - max((line.end() for line in _LINE_BREAK.finditer(text, position, index)), default=position) + 1
    return Fault(index, column, NOT_UTF8 if "\udc80" <= found[0] <= "\udcff" else CONTROL)


def next_document(text: str, position: int) -> int | None:
    """Where the next ``---`` line begins, at ``position`` or after it."""
    found = _START.search(text, position)
    return found.start() if found else None


def last_marker(text: str, begin: int, end: int) -> int:
    """Where the last ``---`` or ``...`` line before ``end`` begins; ``begin`` if there is none after it."""
    return max((found.start() for found in _MARKER.finditer(text, begin, end)), default=begin)


def may_hold_indicators(text: str) -> bool:
    """Whether an anchor, an alias or a tag could be in the text. Never wrongly no; cheap where it is no."""
    return ("&" in text or "*" in text or "!" in text) and _SUSPICIOUS.search(text) is not None


def line_breaks(text: str, begin: int, end: int) -> int:
    """How many lines end between two positions, as the parser counts lines."""
    return sum(1 for _ in _LINE_BREAK.finditer(text, begin, end))


def line_starts(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *(found.end() for found in _LINE_BREAK.finditer(text))]
