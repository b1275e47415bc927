"""A recording as JSON: in one fixed order, so that two of an unchanged server differ in their time only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from reconciler.errors import InputError
from reconciler.recording.models import FORMAT, MAX_BYTES, Recording

API_VERSION = "reconciler/v1"
ANEW = "make one with `reconciler observe --out FILE`"
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def dumps(recordings: Sequence[Recording]) -> bytes:
    """One recording as itself, several as a ``RecordingList``."""
    documents = [one.model_dump(mode="json") for one in recordings]
    whole = documents[0] if len(documents) == 1 else _list(documents)
    return orjson.dumps(whole, option=_OPTIONS)


def loads(data: bytes, name: str) -> list[Recording]:
    """The recordings that a file holds; ``name`` is the file's, for messages. Raises InputError."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES // 1024**2} MiB: that is no recording", remedy=ANEW)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise InputError(f"{name} is not JSON, so it is no recording, or a damaged one", remedy=ANEW) from None
    found = [_recording(one, name) for one in _documents(document, name)]
    if len({one.target for one in found}) != len(found):
        raise InputError(f"{name} holds two recordings of one target", remedy=ANEW)
    return found


def _list(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "RecordingList", "items": documents}


def _documents(document: Any, name: str) -> list[Any]:
    if isinstance(document, dict) and document.get("apiVersion") == API_VERSION:
        if document.get("kind") == "Recording":
            return [document]
        items = document.get("items")
        if document.get("kind") == "RecordingList" and isinstance(items, list) and items:
            return items
    raise InputError(f"{name} is no recording of a live state", remedy=ANEW)


def _recording(document: Any, name: str) -> Recording:
    if isinstance(document, dict) and document.get("format") != FORMAT:
        shown = document.get("format")
        which = shown if type(shown) is int else "none"
        raise InputError(f"{name} is a recording of another format ({which}, not {FORMAT})", remedy=ANEW)
    try:
        return Recording.model_validate(document)
    except ValidationError as error:
        # What is wrong is told without what was found: texts of a stranger's have no place in our messages.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        known = set(Recording.model_fields)
        place = next((str(part) for part in first["loc"][:1] if part in known), "it")
        raise InputError(f"{name} is a damaged recording: {place} isn't as it is written", remedy=ANEW) from None
