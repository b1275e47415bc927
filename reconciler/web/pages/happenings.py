"""The recent events as sentences, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reconciler.daemon.events import Happened
from reconciler.render.words import clipped
from reconciler.web.pages.rendering import revision
from reconciler.web.pages.states import OUTCOMES, STATES, Look, ending

MOST = 200
LONGEST = 300
Data = Mapping[str, Any]


def happenings(events: Iterable[Happened], target: str = "") -> list[dict[str, Any]]:
    """The newest events, of one target where it is named."""
    chosen = [event for event in events if not target or event.target == target][-MOST:]
    return [_shown(event) for event in reversed(chosen)]


def _shown(event: Happened) -> dict[str, Any]:
    words = SENTENCES.get(event.type, _other(event.type))(event.data)
    look = _look(event.data)
    return {"id": event.id, "at": event.at, "target": event.target, "look": look, "words": clipped(words, LONGEST)}


def _look(data: Data) -> Look | None:
    """The shape of how something ended, where the event says so."""
    status, verdict = str(data.get("status")), str(data.get("verdict"))
    if status in OUTCOMES:
        return OUTCOMES[status]
    return ending(verdict) if verdict in STATES or verdict in ("failed", "error") else None


def _target(data: Data) -> str:
    verdict, phase = data.get("verdict") or "not looked at yet", data.get("phase")
    return f"is {verdict}" if phase in (None, "waiting") else f"is {verdict}, and {phase} now"


def _source(data: Data) -> str:
    sound = "" if data.get("sound") else "; the newest revision isn’t sound"
    return (
        f"The revision {revision(data.get('revision'))} is in force{sound}"
        if data.get("revision")
        else (f"No revision is in force{sound}")
    )


def _pass_ended(data: Data) -> str:
    return f"a pass ended: {data.get('verdict') or 'cut short'}"


def _step_started(data: Data) -> str:
    return f"{_step(data)} begins"


def _step_ended(data: Data) -> str:
    error = data.get("error")
    return f"{_step(data)}: {data.get('status')}{f', {error}' if error else ''}"


def _step(data: Data) -> str:
    action, _, name = str(data.get("step", "")).partition("/")
    return f"{action} {name}"


def _ordered(data: Data) -> str:
    words = data.get("words")
    return f"{data.get('by') or 'somebody'} ordered {data.get('order')}{f': {words}' if words else ''}"


def _woken(data: Data) -> str:
    return f"woken by {data.get('by') or 'a webhook'}"


def _other(type: str) -> Callable[[Data], str]:
    def words(data: Data) -> str:
        said = [f"{name} {value}" for name, value in data.items() if value not in (None, "")]
        return ", ".join([type.replace("-", " "), *said])

    return words


SENTENCES: Mapping[str, Callable[[Data], str]] = {
    "target": _target,
    "source": _source,
    "pass-ended": _pass_ended,
    "step-started": _step_started,
    "step-ended": _step_ended,
    "ordered": _ordered,
    "woken": _woken,
}
