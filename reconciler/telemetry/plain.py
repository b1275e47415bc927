"""An event's values as plain, bounded data without secrets: whatever is logged can be written down, and never harms."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from enum import Enum
from typing import Any

from reconciler.secret import SHOWN, Secret
from reconciler.telemetry.redact import Redactor, is_secret

LONGEST = 8000
"""Characters of one text; of a longer one the start and the end are kept, as a traceback ends with what matters."""

MOST = 100
"""Members of a list or map that are shown."""

DEEPEST = 6
_CUT = " … "
_BIG = 2**63


def plain(value: Any, redactor: Redactor, depth: int = 0) -> Any:
    """None, booleans, numbers, texts, lists and maps with text keys, with nothing secret in them."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -_BIG <= value < _BIG:
        return int(value)
    if isinstance(value, Mapping | list | tuple | AbstractSet):
        return _members(value, redactor, depth)
    return bounded(redactor.hide(_text(value)))


def bounded(text: str) -> str:
    """The text; its start and its end when it is too long."""
    half = (LONGEST - len(_CUT)) // 2
    return text if len(text) <= LONGEST else f"{text[:half]}{_CUT}{text[-half:]}"


def _members(value: Any, redactor: Redactor, depth: int) -> Any:
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return dict(_field(name, part, redactor, depth) for name, part in list(value.items())[:MOST])
    return [plain(part, redactor, depth + 1) for part in list(value)[:MOST]]


def _field(name: object, value: Any, redactor: Redactor, depth: int) -> tuple[str, Any]:
    key = bounded(redactor.hide(_text(name)))
    if is_secret(key) and value is not None and not isinstance(value, bool):
        return key, SHOWN
    return key, plain(value, redactor, depth + 1)


def _text(value: object) -> str:
    """The text of anything; a lone surrogate, which no encoding has, becomes an escape."""
    return _words(value).encode(errors="backslashreplace").decode()


def _words(value: object) -> str:
    if isinstance(value, Enum) and isinstance(value.value, str):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="backslashreplace")
    if isinstance(value, Secret):
        return SHOWN
    if isinstance(value, date | datetime):
        return value.isoformat()
    try:
        return str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # noqa: BLE001 - a log line must not fail because of what it shows
        return f"({type(value).__name__} that can't be shown: {type(error).__name__})"
