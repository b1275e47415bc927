"""The comment's text: a marker that nobody sees, the plans, what failed. Never longer than the forge takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.errors import InputError
from reconciler.render.gfm import fence
from reconciler.render.markdown import plan_markdown
from reconciler.steps import Plan

CONTEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST_LINES = 200
LONGEST_LINE = 500
CUT = "**Shortened to fit.** All of it: the job's own output."
NOTHING = "There is nothing to show."


def marker_of(context: str) -> str:
    """What our comment of a context begins with. Raises InputError."""
    if not CONTEXT.fullmatch(context) or "--" in context:
        raise InputError(f"{context!r} can't be a context", remedy="use letters, digits, and . _ - between them")
    return f"<!-- reconciler plan: {context} -->"


def body_of(
    context: str, limit: int, *, plans: Sequence[Plan] = (), markdown: str = "", failure: str | None = None
) -> tuple[str, str]:
    """The marker and the whole text, of at most ``limit`` characters.

    ``markdown`` is a rendering that somebody has made already; ``failure`` what a command said on standard error.
    """
    marker = marker_of(context)
    room = limit - len(marker) - 2
    failed = _failed(context, failure, room // (2 if plans or markdown else 1)) if failure is not None else ""
    room -= len(failed) + 2
    shown = _plans(plans, room) if plans else cut(markdown.strip(), room)
    return marker, "\n\n".join(
        filter(None, [marker, failed, shown])
    ) + "\n" if failed or shown else f"{marker}\n{NOTHING}"


def _plans(plans: Sequence[Plan], room: int) -> str:
    """Each whole where all fit, else each in its share."""
    texts = [plan_markdown(plan, limit=room) for plan in plans]
    if sum(map(len, texts)) > room:
        texts = [plan_markdown(plan, limit=room // len(plans)) for plan in plans]
    return "\n".join(texts).strip()


def _failed(context: str, text: str, room: int) -> str:
    """What went wrong, as lines that can't be anything but text."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    kept = [line[:LONGEST_LINE] for line in lines[:MOST_LINES]]
    while True:
        more = [(" ", f"… and {len(lines) - len(kept)} more lines")] if len(kept) < len(lines) else []
        shown = fence([*((" ", line) for line in kept), *more]) if lines else "Nothing was said about why."
        whole = f"## No plan for {context}\n\nIt failed:\n\n{shown}"
        if len(whole) <= room or not kept:
            return whole
        kept = kept[: len(kept) // 2]


def cut(markdown: str, room: int) -> str:
    """Markdown of at most ``room`` characters: whole lines, with whatever is open closed."""
    if len(markdown) <= room:
        return markdown
    kept, end = 0, ""
    taken, ticks, depth = 0, "", 0
    for line in markdown.splitlines(keepends=True):
        taken += len(line)
        mark = re.match(r" {0,3}(`{3,})", line)
        if mark and not ticks:
            ticks = mark[1]
        elif mark and mark[1].startswith(ticks) and not line.strip().strip("`"):
            ticks = ""
        elif not ticks:
            depth += line.count("<details>") - line.count("</details>")
        closing = (f"{ticks}\n" if ticks else "") + "\n</details>" * depth
        if taken + len(closing) + len(CUT) + 2 > room:
            break
        kept, end = taken, closing
    return f"{markdown[:kept]}{end}\n\n{CUT}" if kept else CUT[:room]
