"""Text put into GitHub-flavoured Markdown (GitLab's too) so that it can only ever be text.

What a user wrote is escaped in three ways at once, since forges look at a comment more than once: entities, so that
no Markdown and no HTML begins; a zero-width space after what would address somebody or something after the parsing
(``@team``, ``#12``, ``https://``, ``www.``, ``:name:``); and escapes for what can't be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.render.words import safe

GAP = "\u200b"
_ADDRESS = re.compile(r"@|[#!~%&$^*](?=\w)|:(?=//|[\w+-]+:)|(?i:www\.|mailto:|xmpp:|\bgh-)")
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$&]")


def prose(text: str) -> str:
    """Text within a line; what would only mean something where a line begins stays as it is."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", _ADDRESS.sub(lambda found: found[0] + GAP, safe(text)))


def code(text: str) -> str:
    """One line of text in fixed width. (Not in backticks: a table's cell and a summary take only this.)"""
    return f"<code>{prose(text)}</code>" if text else ""


def fence(lines: Iterable[tuple[str, str]]) -> str:
    """A block of ``diff`` lines, each with its mark, in a fence longer than any run of backticks in it."""
    body = "\n".join(f"{mark} {safe(line).replace('@', '@' + GAP)}" for mark, line in lines)
    longest = max(map(len, re.findall("`+", body)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}diff\n{body}\n{ticks}"


def details(summary: str, *blocks: str) -> str:
    """Blocks behind a line that opens them; ``summary`` is HTML already."""
    return "\n\n".join([f"<details>\n<summary>{summary}</summary>", *filter(None, blocks), "</details>"])


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A table whose cells are Markdown already; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
