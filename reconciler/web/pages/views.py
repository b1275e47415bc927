"""The pages that show: all targets, one target, the recent events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from reconciler.daemon.state import TargetState
from reconciler.errors import ReconcilerError, UnknownTarget
from reconciler.web.pages.door import Visitor
from reconciler.web.pages.happenings import happenings
from reconciler.web.pages.overview import Query, overview
from reconciler.web.pages.rendering import page
from reconciler.web.pages.site import Site, problem_of
from reconciler.web.pages.states import headline, state_of
from reconciler.web.pages.target import entry_rows, history_rows, since, target_view

T = TypeVar("T")
PASSES = 30
BLANK = {"doing": "", "reason": "", "for": "14400"}
DURATIONS = {
    "3600": "1 hour",
    "14400": "4 hours",
    "86400": "1 day",
    "604800": "1 week",
    "": "until somebody resumes it",
}
"""How long a suspension may be, in seconds; the empty one has no end."""


async def show_overview(site: Site, request: Request, visitor: Visitor) -> Response:
    """``/``: where the desired state comes from, and every target at a glance."""
    view = overview(site.control, Query.of(request.query_params))
    return page("overview.html.j2", site.frame(request, visitor, view["headline"]) | view)


async def show_target(site: Site, request: Request, visitor: Visitor) -> Response:
    """``/targets/{name}``."""
    return await target_page(site, request, visitor)


async def target_page(
    site: Site,
    request: Request,
    visitor: Visitor,
    *,
    problem: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """A target's page; with a ``problem`` and the ``form`` that met it, so that nothing has to be typed again."""
    target = target_of(site, request)
    history, unread = await _told(site.control.history, target.name, PASSES)
    entries, unread_too = await _told(site.control.entries, target.name)
    everything = request.query_params.get("all") == "1"
    view = await run_in_threadpool(target_view, target, everything=everything) | {
        "since": since(target, history),
        "history": history_rows(history),
        "entries": entry_rows(entries),
        "unread": [one for one in (unread, unread_too) if one is not None],
        "durations": DURATIONS,
        "form": BLANK | dict(form or {}),
    }
    title = f"{target.name}: {state_of(target)}"
    frame = site.frame(request, visitor, f"Not done – {title}" if problem else title)
    return await run_in_threadpool(page, "target.html.j2", frame | view | {"problem": problem}, status)


async def show_events(site: Site, request: Request, visitor: Visitor) -> Response:
    """``/events``: what has happened since the daemon started, as far as it is remembered."""
    chosen = request.query_params.get("target", "")[:100]
    counts: dict[str, int] = {}
    for target in site.control.targets.values():
        counts[state_of(target)] = counts.get(state_of(target), 0) + 1
    view = {"events": happenings(site.control.feed.since(0), chosen), "chosen": chosen}
    return page(
        "events.html.j2",
        site.frame(request, visitor, f"Events – {headline(counts, sound=site.control.source.sound)}") | view,
    )


def target_of(site: Site, request: Request) -> TargetState:
    """The target that the path names. Raises UnknownTarget."""
    name = request.path_params["name"]
    found = site.control.targets.get(name)
    if found is None:
        raise UnknownTarget(f"there is no target {name!r}", remedy="choose one of the list of all targets")
    return found


async def _told(read: Callable[..., Sequence[T]], *args: Any) -> tuple[Sequence[T], str | None]:
    """What a blocking look into the state finds; else nothing, and why."""
    try:
        return await run_in_threadpool(read, *args), None
    except ReconcilerError as error:
        return [], str(problem_of(error)["text"])
