"""One document with the place of every key and value: the careful second look that ``builder`` skips.

It is only taken when something is wrong with the document, or when a place in it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct, field
from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    SequenceEndEvent,
)

from reconciler.load.builder import INDICATORS, TooDeep, plain_key
from reconciler.load.limits import MAX_DEPTH, MAX_PROBLEMS
from reconciler.load.scalars import Odd, Scalar, resolve
from reconciler.load.suggest import quoted
from reconciler.model import Path

T = TypeVar("T")

Mark = tuple[int, int]
"""Line and column in the file, from 1."""

KEY_NOT_SCALAR = "a key can't be a list or a map: if this is text (such as a template's '{{ }}'), put it in quotes"


class Node(Struct):
    """A value: where it begins, and its scalar (None for null and refused ones), entries or items."""

    mark: Mark
    scalar: Scalar | None = None
    entries: dict[str, Entry] | None = None
    items: list[Node] | None = None

    def plain(self) -> Any:
        """The value as plain data."""
        if self.entries is not None:
            return {key: entry.node.plain() for key, entry in self.entries.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.scalar


class Entry(Struct):
    """A key of a map, where it stands, and its value."""

    mark: Mark
    node: Node


class Tree(Struct):
    """A document's root, and all that strict YAML refuses in it, with its place."""

    root: Node
    oddities: list[tuple[Mark, str]] = field(default_factory=list)

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """Where the value (or key) of the path stands; of a missing one, the nearest that encloses it."""
        node, found = self.root, self.root.mark
        for step in path:
            if isinstance(step, str) and node.entries and step in node.entries:
                entry = node.entries[step]
                node, found = entry.node, entry.mark
            elif isinstance(step, int) and node.items and 0 <= step < len(node.items):
                node = node.items[step]
                found = node.mark
            else:
                break
        return found if key else node.mark


class TooOdd(Exception):
    """More is wrong with a document than anyone wants to read; ``oddities`` are what was found so far."""

    def __init__(self, oddities: list[tuple[Mark, str]]) -> None:
        super().__init__()
        self.oddities = oddities


def compose(text: str, line: int) -> Tree:
    """The first document of the text, whose first line is the ``line``-th of the file.

    Raises TooDeep, TooOdd, YAMLError if there is none, and what the parser raises.
    """
    return _Composer(text, line).tree()


class _Composer:
    def __init__(self, text: str, line: int) -> None:
        self._text = text
        self._line = line
        self._next: Callable[[], Any] = CParser(text).get_event
        self._oddities: list[tuple[Mark, str]] = []

    def tree(self) -> Tree:
        event = self._next()
        while not isinstance(event, NodeEvent):
            if event is None:
                raise YAMLError("there is no document")
            event = self._next()
        return Tree(self._node(event, 1), list(dict.fromkeys(self._oddities)))

    def _node(self, event: Any, depth: int) -> Node:
        node = Node(self._mark(event))
        refused = self._has_indicator(event)
        if isinstance(event, CollectionStartEvent):
            if depth > MAX_DEPTH:
                raise TooDeep(event.start_mark)
            if isinstance(event, MappingStartEvent):
                node.entries = self._entries(depth + 1)
            else:
                node.items = self._items(depth + 1)
        elif not refused:
            node.scalar = event.value if event.style else self._checked(resolve, event)
        return node

    def _items(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, depth))
        return items

    def _entries(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            if isinstance(event, CollectionStartEvent):
                self._complex(event, depth)
                continue
            key, mark = self._key(event), self._mark(event)
            entry = Entry(mark, self._node(self._next(), depth))
            if key is not None and entries.setdefault(key, entry) is not entry:
                line, column = entries[key].mark
                self._tell(mark, f"duplicate key {quoted(key)}: line {line}, column {column} has it too")
        return entries

    def _complex(self, event: Any, depth: int) -> None:
        """Skip a key that is a list or a map, and its value: what is odd within them has the same cause."""
        told = len(self._oddities)
        self._node(event, depth)
        self._node(self._next(), depth)
        self._oddities[told:] = [(self._mark(event), KEY_NOT_SCALAR)]

    def _key(self, event: Any) -> str | None:
        if self._has_indicator(event) or isinstance(event, AliasEvent):
            return None
        return event.value if event.style else self._checked(plain_key, event)

    def _checked(self, meaning: Callable[[str], T], event: Any) -> T | None:
        try:
            return meaning(event.value)
        except Odd as odd:
            self._tell(self._mark(event), str(odd))
            return None

    def _tell(self, mark: Mark, message: str) -> None:
        self._oddities.append((mark, message))
        if len(self._oddities) > MAX_PROBLEMS:
            raise TooOdd(self._oddities)

    def _has_indicator(self, event: Any) -> bool:
        index = event.start_mark.index
        refused = INDICATORS.get(self._text[index : index + 1])
        if refused:
            self._tell(self._mark(event), refused)
        return refused is not None

    def _mark(self, event: Any) -> Mark:
        return self._line + event.start_mark.line, event.start_mark.column + 1
