"""How a daemon and its targets are, in words: ``status --server``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.cli.holds import entry_text, holds_lines, short
from reconciler.render.words import safe

if TYPE_CHECKING:
    from reconciler.remote import Server

Shape = Mapping[str, Any]
QUIET_SYNC = ("synced", "pending")
QUIET_HEALTH = ("healthy", "progressing", "unknown")


async def fetched(server: Server, names: tuple[str, ...]) -> dict[str, Any]:
    """The source and the targets that are meant, each with its objects and open entries."""
    from reconciler.remote import connected

    async with connected(server) as remote:
        items = [await remote.target(name) for name in await remote.chosen(names)]
        return {"source": (await remote.targets()).get("source"), "items": items}


def is_open(target: Shape) -> bool:
    """Whether nobody knows how a write ended. One that is merely under way doesn't count."""
    return any(one.get("status") == "unknown" for one in target.get("entries") or ())


def status_text(found: Shape) -> str:
    """Everything as lines, a blank one between targets."""
    parts = [_source(found["source"] or {}), *map(_target, found["items"])]
    return "\n\n".join("\n".join(map(safe, lines)) for lines in parts)


def _source(source: Shape) -> list[str]:
    """Where the desired state comes from, and what is wrong with what is there."""
    lines = [f"Source  {source.get('where', '?')}{_at(source)}"]
    if source.get("error"):
        lines.append(f"Error   {source['error']}")
    found = source.get("problems") or ()
    return lines + [f"Problem {one['file']}:{one['line']}:{one['column']}: {one['message']}" for one in found]


def _at(one: Shape) -> str:
    algorithm, colon, hexadecimal = str(one.get("revision") or "").rpartition(":")
    return f", revision {algorithm}{colon}{hexadecimal[:12]}" if hexadecimal else ""


def _target(one: Shape) -> list[str]:
    return [
        f"Target  {one['name']}, {one.get('url')}{_at(one)}",
        f"State   {_state(one)}",
        *_times(one),
        *_error(one),
        *_pending(one),
        *([f"Window  {one['window']}"] if one.get("window") else []),
        *holds_lines(one),
        *(f"Object  {_object(each)}" for each in one.get("objects") or () if _is_notable(each)),
        *(f"Open    {entry_text(each)}" for each in one.get("entries") or ()),
    ]


def _state(one: Shape) -> str:
    holder = f", {one['holder']} has it" if one.get("holder") else ""
    return f"{one.get('verdict') or 'not looked at yet'} ({one.get('mode')}, {one.get('phase')}{holder})"


def _times(one: Shape) -> list[str]:
    lines = []
    if one.get("checkedAt"):
        coming = f", next {short(one['nextAt'])}" if one.get("nextAt") else ""
        lines.append(f"Checked {short(one['checkedAt'])}{coming}")
    if one.get("succeededAt"):
        lines.append(f"Last ok {short(one['succeededAt'])}")
    return lines


def _error(one: Shape) -> list[str]:
    remedy = f" ({one['remedy']})" if one.get("remedy") else ""
    return [f"Error   {one['error']}{remedy}"] if one.get("error") else []


def _pending(one: Shape) -> list[str]:
    """What the pending plan would do, and the digest to approve it by."""
    counts = {word: number for word, number in (one.get("summary") or {}).items() if number and word != "unchanged"}
    if not counts:
        return []
    line = f"Pending {', '.join(f'{number} {word}' for word, number in counts.items())}"
    return [line, f"Digest  {one['digest']}"] if one.get("digest") else [line]


def _is_notable(one: Shape) -> bool:
    return one["sync"] not in QUIET_SYNC or one["health"] not in QUIET_HEALTH


def _object(one: Shape) -> str:
    why = ": ".join(text for text in (one.get("words"), one.get("healthWords")) if text)
    return f"{one['kind']}/{one['name']} {one['sync']}, {one['health']}" + (f": {why}" if why else "")
