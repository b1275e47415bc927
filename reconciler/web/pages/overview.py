"""What the first page shows: the source, and every target at a glance, the troubled ones first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from reconciler.daemon.control import Control
from reconciler.daemon.state import SourceState, TargetState
from reconciler.render import words
from reconciler.web.pages.states import RANKS, STATES, headline, state_of, tags

PER_PAGE = 50
MOST_PROBLEMS = 50
SORTS = {"attention": "attention needed first", "name": "name", "checked": "longest not looked at first"}


class Query(Struct, frozen=True):
    """Which targets to show, as the address says; what it says wrongly counts as not said."""

    state: str = ""
    text: str = ""
    sort: str = "attention"
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Query:
        """The query of a request's parameters."""
        state, sort, page = given.get("state", ""), given.get("sort", ""), given.get("page", "")
        return cls(
            state if state in STATES else "",
            given.get("q", "").strip()[:100],
            sort if sort in SORTS else "attention",
            max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def link(self, **other: Any) -> str:
        """The address of this query with some of it changed; back on the first page, unless that is said."""
        values = {"state": self.state, "q": self.text, "sort": self.sort, "page": 1} | other
        usual = {"state": "", "q": "", "sort": "attention", "page": 1}
        kept = {name: value for name, value in values.items() if value != usual[name]}
        return f"/?{urlencode(kept, errors='replace')}" if kept else "/"


def overview(control: Control, query: Query) -> dict[str, Any]:
    """The page's data; at most ``PER_PAGE`` targets are described."""
    found = [(state_of(target), target) for target in control.targets.values()]
    counts = Counter(state for state, _ in found)
    chosen = _sorted(_chosen(found, query), query.sort)
    pages = max(1, -(-len(chosen) // PER_PAGE))
    number = min(query.page, pages)
    return {
        "headline": headline(counts, sound=control.source.sound),
        "mood": next((STATES[word] for word in STATES if counts[word]), STATES["waiting"]),
        "source": source(control.source),
        "total": len(found),
        "chips": [(STATES[word], counts[word], query.link(state=word)) for word in STATES if counts[word]],
        "query": query,
        "sorts": SORTS,
        "rows": [_row(state, target) for state, target in chosen[(number - 1) * PER_PAGE : number * PER_PAGE]],
        "chosen": len(chosen),
        "pages": pages,
        "number": number,
    }


def source(state: SourceState) -> dict[str, Any]:
    """The source as a page shows it."""
    return {
        "state": state,
        "read": state.read_at is not None,
        "problems": state.problems[:MOST_PROBLEMS],
        "more": max(0, len(state.problems) - MOST_PROBLEMS),
    }


def _chosen(found: list[tuple[str, TargetState]], query: Query) -> list[tuple[str, TargetState]]:
    wanted = query.text.casefold()
    return [
        (state, target)
        for state, target in found
        if query.state in ("", state)
        and (not wanted or any(wanted in text.casefold() for text in (target.name, target.system, target.url)))
    ]


def _sorted(found: list[tuple[str, TargetState]], sort: str) -> list[tuple[str, TargetState]]:
    if sort == "name":
        return sorted(found, key=lambda one: one[1].name)
    if sort == "checked":
        return sorted(found, key=lambda one: one[1].checked_at or 0.0)
    return sorted(found, key=lambda one: RANKS[one[0]])


def _row(state: str, target: TargetState) -> dict[str, Any]:
    return {"target": target, "look": STATES[state], "tags": tags(target), "words": told(target)}


def told(target: TargetState) -> str:
    """One line on where a target stands."""
    if target.error:
        return words.clipped(words.safe(target.error), 300)
    if target.holder:
        return f"the replica {target.holder} works on it"
    if target.plan is None:
        return "not looked at yet" if target.verdict is None else ""
    return ", ".join(words.tally(target.plan, zeros=False)) or words.unchanged(target.plan)
