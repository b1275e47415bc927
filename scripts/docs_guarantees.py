"""docs/guarantees.md: what is promised, under which faults, and the tests that show it, from docs/_source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.docs_text import page, section, source

FILE = "guarantees.yaml"


def guarantees_pages() -> dict[str, str]:
    """Path → text of the one page."""
    written = source(FILE)
    numbered = [{**one, "name": f"{number}. {one['name']}"} for number, one in enumerate(written["invariants"], 1)]
    parts = [
        section("At every moment", _rows(numbered)),
        section("Under each fault", _rows(written["faults"])),
        section("How hard it is tried", _rows(written["figures"])),
        section("What isn't promised", _rows(written["not_promised"])),
    ]
    return {"docs/guarantees.md": page("Guarantees", f"docs/_source/{FILE}", written["intro"], *parts)}


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(section(one["name"], f"{one.get('says', '').strip()}\n\n{_shown(one)}", level=3) for one in rows)


def _shown(row: Mapping[str, Any]) -> str:
    tests = [f"- `{test.removeprefix('tests/')}`" for test in row.get("tests", ())]
    if not tests:
        return ""
    head = f"Shown by {len(tests)} test{'s' if len(tests) > 1 else ''}"
    return "\n".join([f'<details markdown="1"><summary>{head}</summary>', "", *tests, "", "</details>"])
