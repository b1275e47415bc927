"""How a message names a word that the user wrote, and the word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_MAX_LENGTH = 64
_MAX_KNOWN = 1000


def suggest(word: str, known: Iterable[str]) -> str:
    """``" Did you mean 'name'?"``, or nothing if no known word is near; nothing for very long words."""
    if len(word) > _MAX_LENGTH:
        return ""
    candidates = {candidate.lower(): candidate for candidate in islice(known, _MAX_KNOWN)}
    near = get_close_matches(word.lower(), candidates, n=1)
    return f" Did you mean {quoted(candidates[near[0]])}?" if near else ""


def quoted(word: str) -> str:
    """The word in single quotes, on one line and not too long."""
    return repr(word if len(word) <= _MAX_LENGTH else word[: _MAX_LENGTH - 1] + "…")
