"""docs/small-systems.md: what each answer means, from the tables in the code, in docs/_source/small-systems.md."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.systems import brightriver, bunnystudio
from reconciler.systems.oneway import Meaning
from scripts.docs_text import agree, code, fragment, page, table


def small_pages() -> dict[str, str]:
    """Path → text of the one page."""
    head, text = fragment("small-systems.md")
    agree("docs/_source/small-systems.md", list(Meaning), head["meanings"])
    meanings = [(f"*{one}*", head["meanings"][one]) for one in Meaning]
    tables = {
        "meanings": table(("meaning", "what is done"), meanings),
        "brightriver": _answers("HTTP status", brightriver.STATUSES),
        "bunnystudio-types": _answers("`type` of the body", bunnystudio.TYPES),
        "bunnystudio": _answers("HTTP status", bunnystudio.STATUSES),
    }
    for mark, made in tables.items():
        text = text.replace(f"<!-- {mark} -->", made)
    return {"docs/small-systems.md": page(str(head["title"]), "the code and docs/_source/small-systems.md", text)}


def _answers(what: str, answers: Mapping[int, tuple[Meaning, str]] | Mapping[str, tuple[Meaning, str]]) -> str:
    rows = [(code(answer), f"*{meaning}*", text) for answer, (meaning, text) in answers.items()]
    return table((what, "meaning", "what the report says"), rows)
