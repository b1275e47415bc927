"""Field changes as people read them: nested ones spelt out by name, values on one line, secrets never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from reconciler.render.words import clipped, safe
from reconciler.secret import SHOWN, SHOWN_CHANGED, Secret, SecretRef
from reconciler.steps import UNKNOWN, Change

MAX_DEPTH = 100
INLINE = 100
"""Two lists longer than this are told apart element by element."""


class Field(Struct, frozen=True):
    """One line of a step's changes; ``mark`` is ``+`` (set), ``-`` (unset) or ``~`` (changed)."""

    name: str
    before: Any
    after: Any

    @property
    def mark(self) -> str:
        if self.sealed:
            return "~"
        return "+" if self.before is None else "-" if self.after is None else "~"

    @property
    def sealed(self) -> bool:
        """Whether all that may be said is that a secret changes."""
        return isinstance(self.after, str) and self.after == SHOWN_CHANGED

    @property
    def values(self) -> tuple[str | None, str | None]:
        """Before and after as text; None where there is nothing to say."""
        if self.sealed:
            return None, SHOWN_CHANGED
        before = None if self.before is None else shown(self.before)
        return before, None if self.after is None and before else shown(self.after)

    @property
    def delta(self) -> tuple[list[str], list[str], int] | None:
        """Of two lists: what goes, what comes and how many stay. None where that doesn't tell the difference."""
        if not (_is_list(self.before) and _is_list(self.after)):
            return None
        before, after = Counter(map(shown, self.before)), Counter(map(shown, self.after))
        gone, come = list((before - after).elements()), list((after - before).elements())
        return (gone, come, (before & after).total()) if gone or come else None


def fields(changes: Iterable[Change]) -> list[Field]:
    """The changes as lines, objects taken apart: ``rights.scan`` instead of all of ``rights``."""
    return [found for change in changes for found in _apart(_segments(change.path), change.before, change.after)]


def dotted(pointer: str) -> str:
    """A JSON pointer as people read it: ``storage.config.path``."""
    return ".".join(map(_segment, _segments(pointer)))


def _segments(pointer: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/"))


def _apart(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Field]:
    sides = [side for side in (before, after) if side is not None]
    if len(path) > MAX_DEPTH or not sides or not all(isinstance(side, Mapping) and side for side in sides):
        yield Field(".".join(map(_segment, path)), before, after)
        return
    for name in dict.fromkeys(name for side in sides for name in side):
        old, new = ((side or {}).get(name) for side in (before, after))
        if len(sides) == 1 or old != new:
            yield from _apart((*path, str(name)), old, new)


def _segment(part: str) -> str:
    return safe(part) if part and not set(part) & set(' .="') else _quoted(part)


def shown(value: Any, depth: int = 0) -> str:
    """A value on one line, much like JSON: secrets as ``(secret)``, anything invisible escaped."""
    if isinstance(value, Secret | SecretRef):
        return SHOWN
    if depth > MAX_DEPTH:
        return "(nested too deep)"
    if isinstance(value, str):
        return str(value) if value in (SHOWN, SHOWN_CHANGED, UNKNOWN) else _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(k))}: {shown(v, depth + 1)}" for k, v in value.items()) + "}"
    if _is_list(value):
        return "[" + ", ".join(_elements(value, depth)) + "]"
    return f"({type(value).__name__})"


def plain(value: Any, depth: int = 0) -> Any:
    """A value as data that any JSON library takes; secrets as ``(secret)``."""
    if isinstance(value, Secret | SecretRef):
        return SHOWN
    if depth > MAX_DEPTH:
        return "(nested too deep)"
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _number(value)
    if isinstance(value, Mapping):
        return {plain(str(name)): plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(part, depth + 1) for part in value), key=shown)
    if _is_list(value):
        return [plain(part, depth + 1) for part in value]
    return f"({type(value).__name__})"


def _elements(value: Iterable[Any], depth: int) -> list[str]:
    parts = [shown(part, depth + 1) for part in value]
    return sorted(parts) if isinstance(value, set | frozenset) else parts


def _number(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"({value.bit_length()}-bit number)"
    return repr(value)


def _quoted(text: str) -> str:
    return '"' + safe(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _is_list(value: Any) -> bool:
    return isinstance(value, set | frozenset) or (isinstance(value, Sequence) and not isinstance(value, str | bytes))


def diff(field: Field, most: int) -> list[tuple[str, str]]:
    """The field as lines of a diff, each with its mark; values of more than ``most`` characters are cut short."""
    before, after = field.values
    lines = [(mark, f"{field.name} = {value}") for mark, value in (("-", before), ("+", after)) if value is not None]
    if field.sealed:
        return [("!", f"{field.name} = {after}")]
    if field.delta and max(len(line) for _, line in lines) > INLINE:
        gone, come, kept = field.delta
        lines = [("-", f"{field.name}: {one}") for one in gone] + [("+", f"{field.name}: {one}") for one in come]
        lines += [(" ", f"{field.name}: {kept} stay")] if kept else []
    return [(mark, clipped(line, most)) for mark, line in lines]
