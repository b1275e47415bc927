"""Making a Markdown document fit its limit by saying less of what matters least, never by cutting it off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from reconciler.render.gfm import code, prose, table
from reconciler.render.words import count
from reconciler.steps import Action


class Detail(IntEnum):
    """How much is said of each entry of a section."""

    COUNT = 0
    LINE = 1
    FULL = 2


class Entry(Struct, frozen=True):
    """One step, in full and on one line; ``full`` is empty where the line says all there is."""

    action: Action
    kind: str
    line: str
    full: str = ""


class Section(Struct, frozen=True):
    """Entries of one importance; ``noun`` names one of them."""

    title: str
    noun: str
    entries: Sequence[Entry]


class Sheet(Struct, frozen=True):
    """A document: what always stands, around sections that are ordered by importance."""

    title: str
    head: tuple[str, ...]
    sections: tuple[Section, ...]
    tail: tuple[str, ...]
    see: str
    bare: str
    """The title without markup, for when there is room for nothing else."""

    lost: str = ""
    """What of the tail had to go."""


def fitted(sheet: Sheet, limit: int) -> str:
    """The fullest version of at most ``limit`` characters."""
    for levels in _stages(len(sheet.sections)):
        sections = [_section(section, level) for section, level in zip(sheet.sections, levels, strict=True)]
        text = _joined(sheet, sections, _left_out(sheet, levels))
        if len(text) <= limit:
            return text
    short = replace(sheet, tail=(), lost="warnings and unknown fields" if sheet.tail else "")
    squeezed = (_squeezed(smaller, limit) for smaller in (sheet, short, replace(short, head=())))
    return next(filter(None, squeezed), sheet.bare[:limit])


def _stages(number: int) -> Iterator[list[Detail]]:
    """Less and less: first the fields of the less important half, then its names, then the other half's fields."""
    levels = [Detail.FULL] * number
    yield list(levels)
    less, more = range(number - 1, number // 2 - 1, -1), range(number // 2 - 1, -1, -1)
    for part, level in ((less, Detail.LINE), (less, Detail.COUNT), (more, Detail.LINE)):
        for index in part:
            levels[index] = level
            yield list(levels)


def _section(section: Section, level: Detail) -> list[str]:
    if not section.entries:
        return []
    title = f"### {section.title} ({len(section.entries)})"
    if level is Detail.COUNT:
        return [title, _counted(section.entries)]
    blocks: list[str] = [title]
    listing: list[str] = []
    for entry in section.entries:
        if level is Detail.FULL and entry.full:
            blocks += ["\n".join(listing)] if listing else []
            listing = []
            blocks.append(entry.full)
        else:
            listing.append(f"- {entry.line}")
    return [*blocks, "\n".join(listing)] if listing else blocks


def _counted(entries: Sequence[Entry]) -> str:
    """How many of each kind, by action."""
    counts = Counter((entry.kind, entry.action) for entry in entries)
    actions = [action for action in Action if any(action is found for _, found in counts)]
    kinds = sorted({kind for kind, _ in counts})
    rows = [[code(kind), *(str(counts[kind, action] or "") for action in actions)] for kind in kinds]
    return table(["Kind", *(action.value for action in actions)], rows)


def _left_out(sheet: Sheet, levels: Sequence[Detail], dropped: Sequence[int] = ()) -> str:
    """What isn't there, and where it is."""
    parts: list[str] = []
    for index, (section, level) in enumerate(zip(sheet.sections, levels, strict=True)):
        gone = dropped[index] if dropped else 0
        fields = sum(bool(entry.full) for entry in section.entries[: len(section.entries) - gone])
        if gone:
            parts.append(count(gone, section.noun))
        if level is Detail.COUNT and section.entries:
            parts.append(f"the names and fields of {count(len(section.entries), section.noun)}")
        elif level is Detail.LINE and fields:
            parts.append(f"the fields of {count(fields, section.noun)}")
    parts += [sheet.lost] if sheet.lost else []
    if not parts:
        return ""
    return f"**Shortened to fit.** Left out: {'; '.join(parts)}. {prose(sheet.see)}"


def _squeezed(sheet: Sheet, limit: int) -> str | None:
    """As many lines of the important half as there is room for, everything else counted in the title."""
    half = len(sheet.sections) // 2
    kept = replace(sheet, sections=sheet.sections[:half])
    levels = [Detail.LINE] * half
    everything = [len(section.entries) for section in kept.sections]
    rest = sum(len(section.entries) for section in sheet.sections[half:])
    note = f"Not listed: {count(rest, 'other step')}." if rest else ""
    room = limit - len(_joined(kept, [[note]], _left_out(kept, levels, everything))) - 8
    blocks: list[list[str]] = []
    dropped: list[int] = []
    for section in kept.sections:
        entries = _first(section, room)
        dropped.append(len(section.entries) - len(entries))
        blocks.append(_section(replace(section, entries=entries), Detail.LINE))
        room -= sum(len(block) + 2 for block in blocks[-1])
    text = _joined(kept, [*blocks, [note]], _left_out(kept, levels, dropped))
    return text if len(text) <= limit else None


def _first(section: Section, room: int) -> list[Entry]:
    """The first entries whose lines fit."""
    room -= len(section.title) + 20
    found: list[Entry] = []
    for entry in section.entries:
        room -= len(entry.line) + 3
        if room < 0:
            break
        found.append(entry)
    return found


def _joined(sheet: Sheet, sections: Sequence[Sequence[str]], left_out: str) -> str:
    blocks = [sheet.title, *sheet.head, *(block for section in sections for block in section), left_out, *sheet.tail]
    return "\n\n".join(filter(None, blocks)) + "\n"
