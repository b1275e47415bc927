"""One target or several: what is printed is the same, one after the other; in JSON, several make a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.render.json import dumps, list_json


def documents_of(documents: Sequence[dict[str, Any]], targets: int) -> str:
    """One target's document as itself, those of several (however many there are) as a ``PlanList``."""
    return dumps(documents[0] if targets == 1 else list_json(list(documents)))


def shown(texts: Sequence[str], json: str, output: str) -> str:
    """What goes to standard output in a format."""
    return json if output == "json" else "\n".join(texts)
