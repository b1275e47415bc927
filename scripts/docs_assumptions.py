"""docs/assumptions.md: what the API's reference leaves open, from the code and docs/_source/assumptions.yaml."""

from __future__ import annotations

import dataclasses

import msgspec

from reconciler.emulator.metadefender.options import Options, choices
from reconciler.systems.base import Assumption
from reconciler.systems.metadefender.assumptions import ASSUMPTIONS
from scripts.docs_text import agree, code, page, source, table

BY_PREFLIGHT = frozenset({"readyz"})
"""What doctor tells without a look of its own."""


def assumptions_pages() -> dict[str, str]:
    """Path → text of the one page."""
    written = source("assumptions.yaml")
    agree("the emulator's switches", [one.id for one in ASSUMPTIONS], [one.name for one in dataclasses.fields(Options)])
    agree("docs/_source/assumptions.yaml", [one.id for one in ASSUMPTIONS if told(one)], written["doctor"])
    rows = [
        (
            code(one.id),
            one.question,
            ", ".join(map(code, one.answers)),
            one.if_wrong,
            _switch(one.id),
            written["doctor"].get(one.id, "can't tell by reading"),
        )
        for one in ASSUMPTIONS
    ]
    head = ("id", "question", "answers handled", "what depends on it", "the emulator's switch", "doctor")
    text = page("Assumptions", "the code and docs/_source/assumptions.yaml", written["intro"], table(head, rows))
    return {"docs/assumptions.md": text}


def told(one: Assumption) -> bool:
    """Whether ``reconciler doctor`` can tell it: it has a look of its own, or the preflight shows it."""
    unset = next(field.default for field in msgspec.structs.fields(Assumption) if field.name == "look")
    return one.look is not unset or one.id in BY_PREFLIGHT


def _switch(id: str) -> str:
    default = getattr(Options(), id)
    others = [code(f"--set {id}={str(one).lower()}") for one in choices(id) if one != default]
    return f"{', '.join(others)} (default: {code(str(default).lower())})"
