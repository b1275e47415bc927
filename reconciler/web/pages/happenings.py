"""The recent events as sentences, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.daemon.events import Happened
from reconciler.render.words import clipped
from reconciler.web.pages.states import OUTCOMES, STATES, Look, ending

MOST = 200
LONGEST = 300


def happenings(events: Iterable[Happened], target: str = "") -> list[dict[str, Any]]:
    """The newest events, of one target where it is named."""
    chosen = [event for event in events if not target or event.target == target][-MOST:]
    return [_shown(event) for event in reversed(chosen)]


def _shown(event: Happened) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "target": event.target,
        "type": event.type.replace("-", " "),
        "look": _look(event.data),
        "details": [(name, clipped(str(value), LONGEST)) for name, value in event.data.items() if _says(name, value)],
    }


def _look(data: Mapping[str, Any]) -> Look | None:
    """The shape of how something ended, where the event says so."""
    status, verdict = str(data.get("status")), str(data.get("verdict"))
    if status in OUTCOMES:
        return OUTCOMES[status]
    if verdict in STATES or verdict in ("failed", "error"):
        return ending(verdict)
    return None


def _says(name: str, value: Any) -> bool:
    return value is not None and value != "" and name not in ("verdict", "status")
