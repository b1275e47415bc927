"""Templates into answers: every value escaped and visible, a strict policy on each page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.responses import Response

from reconciler.render.fields import dotted
from reconciler.render.words import clipped, duration, safe
from reconciler.web.pages import assets

if TYPE_CHECKING:
    from jinja2 import Environment

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""A page shows what only callers may see, so that no cache keeps it. Browsers send ``Origin`` under this policy."""

LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
LONGEST_REVISION = 24
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def page(template: str, given: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """The template as an answer; ``given`` holds plain data, whose texts may be anybody's."""
    text = _environment().get_template(template).render(given)
    return Response(text, status, HEADERS | headers, media_type="text/html")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - slow to import

    env = Environment(
        loader=PackageLoader("reconciler.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_visible,
    )
    env.filters |= {
        "ago": ago,
        "stamp": stamp,
        "took": duration,
        "dotted": dotted,
        "revision": revision,
        "sentence": sentence,
    }
    env.globals |= {"asset": assets.url}
    return env


def _visible(value: Any) -> Any:
    """A value as it is shown: no text gets control, bidirectional or invisible characters into a page."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def stamp(at: float) -> str:
    """A time in RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(min(at, LATEST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(at: float, now: float | None = None) -> Markup:
    """A time as people say it (``3 min ago``, ``in 20 s``), with the exact one for machines and on hover."""
    exact = stamp(at)
    shown = exact.replace("T", " ").replace("Z", " UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, shown, distance(at, now))


def distance(at: float, now: float | None = None) -> str:
    """How far a time is from now, in its greatest unit: ``just now``, ``3 min ago``, ``in 2 h 5 min``."""
    away = at - (time.time() if now is None else now)
    if abs(away) < 2:
        return "just now" if away <= 0 else "now"
    size, unit = next((size, unit) for size, unit in UNITS if abs(away) >= size)
    whole, rest = divmod(abs(away), size)
    text = f"{int(whole)} {unit}"
    if away < 0:
        return f"{text} ago"
    return f"in {text} {int(rest / 60)} min" if unit == "h" and rest >= 60 else f"in {text}"


def revision(text: str | None) -> str:
    """The revision as people say it: the first twelve digits of a commit, or of a directory's digest."""
    if not text:
        return "none"
    start = "sha256:" if text.startswith("sha256:") else ""
    digits = text.removeprefix(start)
    hexadecimal = len(digits) in (40, 64) and not set(digits) - set("0123456789abcdef")
    return start + digits[:12] if hexadecimal else clipped(safe(text), LONGEST_REVISION)


def sentence(text: str) -> str:
    """A message as a sentence of its own: it starts with a capital, unless it starts with a name or an address."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.isascii() and first.isalpha() and first != text else text
