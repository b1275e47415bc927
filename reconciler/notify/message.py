"""What people are told of a target, and how it is written: as JSON for programs, as a few lines for a chat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import uuid4

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from reconciler.render.words import safe

API_VERSION = "reconciler/v1"
LONGEST = 2000
"""Characters of one text; the rest is on the page."""


class Message(Struct, frozen=True):
    """How a pass over a target ended. ``outcome`` is the verdict's word; ``at`` is in Unix seconds.

    ``counts`` are whole numbers by what is counted (``{"synced": 18, "blocked": 2}``), ``blocked`` the rules that hold
    something back, ``page`` the target's page. ``before`` is set by the Notifier: the outcome that was told last.
    ``id`` is the same at every try.
    """

    target: str
    outcome: str
    at: float
    revision: str | None = None
    summary: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    blocked: tuple[str, ...] = ()
    page: str | None = None
    before: str | None = None
    id: str = field(default_factory=lambda: uuid4().hex)

    def without(self, hide: Callable[[str], str]) -> Message:
        """The same, with its texts bounded and without what ``hide`` takes out."""

        def clean(text: str) -> str:
            return hide(text)[:LONGEST]

        return replace(
            self,
            summary=clean(self.summary),
            error=None if self.error is None else clean(self.error),
            blocked=tuple(clean(rule) for rule in self.blocked[:50]),
        )


def to_json(message: Message) -> bytes:
    """The body of a webhook's request.

    ::

        {
          "apiVersion": "reconciler/v1",
          "kind": "Notification",
          "id": "0b5c…",                        the same when it is sent again
          "target": "prod",
          "outcome": "blocked",                 converged, drifted, blocked, failed, error, progressing, suspended
          "before": "converged",                what was told last; null: nothing since the start
          "revision": "3f2a…",                  may be null
          "at": "2026-01-02T03:04:05Z",
          "summary": "2 objects are blocked",
          "counts": {"synced": 18, "blocked": 2},
          "error": null,
          "blocked": ["budget"],                rules
          "url": "https://…"                    the target's page; may be null
        }

    Fields may be added; none is ever taken away in this version.
    """
    return orjson.dumps(
        {
            "apiVersion": API_VERSION,
            "kind": "Notification",
            "id": message.id,
            "target": message.target,
            "outcome": message.outcome,
            "before": message.before,
            "revision": message.revision,
            "at": datetime.fromtimestamp(message.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "summary": message.summary,
            "counts": dict(message.counts),
            "error": message.error,
            "blocked": list(message.blocked),
            "url": message.page,
        }
    )


def to_text(message: Message) -> tuple[str, str]:
    """A title and a body of plain lines. What others have written (an error) stays on its line and rings nobody."""
    was = f" (was {message.before})" if message.before else ""
    counts = ", ".join(f"{number} {what}" for what, number in message.counts.items())
    lines = [
        _tame(message.summary),
        f"Error: {_tame(message.error)}" if message.error else "",
        f"Blocked by: {_tame(', '.join(message.blocked))}" if message.blocked else "",
        f"Objects: {counts}" if counts else "",
        f"Revision: {message.revision}" if message.revision else "",
        message.page or "",
    ]
    title = f"{message.target}: {message.outcome}{was}"
    return title, "\n".join(line for line in lines if line) or title


def _tame(text: str) -> str:
    """One line without control characters, and with no mention (``@everyone``) that a chat would act on."""
    return safe(text).replace("@", "@\u200b")
