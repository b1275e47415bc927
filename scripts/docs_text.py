"""Markdown, and the hand-written half of the reference pages: the files of docs/_source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "_source"


class Gap(Exception):
    """The code and docs/_source don't fit together; the text says what to write where."""


def source(name: str) -> Any:
    """A YAML file of docs/_source."""
    return yaml.safe_load((SOURCE / name).read_text(encoding="utf-8"))


def fragment(name: str) -> tuple[dict[str, Any], str]:
    """A Markdown file of docs/_source: the YAML between its first two ``---`` lines, and the text after them."""
    _, head, text = (SOURCE / name).read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head) or {}, text.strip()


def agree(what: str, code: Iterable[str], written: Iterable[str]) -> None:
    """Raise Gap unless the code and docs/_source name the same things."""
    missing, extra = sorted(set(code) - set(written)), sorted(set(written) - set(code))
    if missing or extra:
        parts = [f"not described: {', '.join(missing)}"] if missing else []
        parts += [f"described, and not there: {', '.join(extra)}"] if extra else []
        raise Gap(f"{what}: {'; '.join(parts)}")


def page(title: str, made_from: str, *parts: str) -> str:
    """A whole page; ``made_from`` tells editors where to go. Empty parts are left out."""
    head = f"<!-- Written by scripts/docs from {made_from}. Change those, not this. -->\n\n# {title}"
    return "\n\n".join([head, *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty where there are no rows."""
    lines = [_row(row) for row in rows]
    return "\n".join([_row(head), _row(["---"] * len(head)), *lines]) if lines else ""


def section(title: str, body: str, level: int = 2) -> str:
    """A heading with its body; nothing where there is no body."""
    return f"{'#' * level} {title}\n\n{body.strip()}" if body.strip() else ""


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: one paragraph a blank line, its double backquotes single."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", (docstring or "").replace("``", "`"))
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    return "\n\n".join(paragraphs).strip()


def file_of(kind: str) -> str:
    """The file name of a kind's page."""
    return f"{kind.lower()}.md"


def code(text: object) -> str:
    """A word as code."""
    return f"`{text}`"


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
