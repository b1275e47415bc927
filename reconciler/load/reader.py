"""Reads one file: documents as fast as can be, and every problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, repeat, starmap
from operator import length_hint
from typing import Any

from msgspec import Struct
from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    ScalarEvent,
    StreamEndEvent,
)

from reconciler.load import text as cut
from reconciler.load.builder import INDICATORS, Events, Keys, TooDeep, TooMany, build, watched
from reconciler.load.envelope import complaints, is_plainly_right
from reconciler.load.limits import (
    MAX_BROKEN,
    MAX_DEPTH,
    MAX_DOCUMENT_VALUES,
    MAX_DOCUMENTS,
    MAX_PROBLEMS,
    MAX_VALUES,
)
from reconciler.load.scalars import Odd
from reconciler.load.syntax import explain
from reconciler.load.tree import TooOdd, compose
from reconciler.model import Document, Location, Problem, SourceFile

NO_ANNOTATIONS: Mapping[str, str] = {}
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
TOO_LARGE = f"a document can't have more than {MAX_DOCUMENT_VALUES:,} values"
TOO_MUCH = f"all files together can't have more than {MAX_DOCUMENTS:,} documents and {MAX_VALUES:,} values"
TOO_BROKEN = "the file was not read any further, because too much of it is wrong: correct what was found first"


class Spent(Exception):
    """All files together hold more than allowed."""


class _Enough(Exception):
    """The file has so many problems that reading on is of no use."""

    def __init__(self, location: Location) -> None:
        super().__init__()
        self.location = location


class Allowance(Struct):
    """What may still be read, of all files together."""

    documents: int = MAX_DOCUMENTS
    values: int = MAX_VALUES


class _Piece(Struct):
    """A part of the file that begins with a document: its text, and the number of its first line."""

    text: str
    line: int
    watch: bool = False

    def __post_init__(self) -> None:
        self.watch = cut.may_hold_indicators(self.text)


class Reader:
    """Reads one file. ``documents`` and ``problems`` hold what was found, even if ``read`` ends with Spent."""

    def __init__(self, source: SourceFile, allowance: Allowance) -> None:
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self._source = source
        self.allowance = allowance
        self._keys = Keys()
        self._text = ""
        self._index = 0

    def read(self) -> None:
        """Read the whole file. Raises Spent when the allowance doesn't suffice."""
        if refusal := cut.refusal(self._source.data):
            self._problem((1, 1), refusal)
            return
        self._text = cut.decoded(self._source.data)
        try:
            self._pieces()
        except _Enough as enough:
            self.problems.append(Problem(enough.location, TOO_BROKEN))

    def _pieces(self) -> None:
        text, begin, line = self._text, 0, 1
        plain = cut.is_plain(self._source.data)
        fault = cut.fault(text, begin, plain=plain)
        for _ in range(MAX_BROKEN):
            end = cut.last_marker(text, begin, fault.at) if fault else len(text)
            stopped = self._piece(_Piece(text[begin:end], line))
            if stopped is not None:
                stopped += begin
            elif fault:
                stopped = fault.at
                before = cut.line_breaks(text, begin, stopped)
                self._problem((line + before, fault.column), fault.message)
            else:
                return
            found = cut.next_document(text, max(stopped, begin + 1))
            if found is None:
                return
            begin, line = found, line + cut.line_breaks(text, begin, found)
            if fault and fault.at < begin:
                fault = cut.fault(text, begin, plain=plain)
        raise _Enough(self._location((line, 1)))

    def _piece(self, piece: _Piece) -> int | None:
        """Read one piece; returns where in it the parser gave up, or None if it didn't."""
        parser: Any = CParser(piece.text)
        mark: Any = None
        try:
            while (event := parser.get_event()).__class__ is not StreamEndEvent:
                mark = event.start_mark
                if event.__class__ is DocumentStartEvent:
                    self._document(parser.get_event, piece)
        except (YAMLError, UnicodeDecodeError, TooDeep, TooMany) as error:
            index, (line, column), message = _diagnosed(error, mark, piece.text)
            self._problem((piece.line + line, column + 1), message)
            return index
        return None

    def _document(self, get_event: Callable[[], Any], piece: _Piece) -> None:
        if not self.allowance.documents or not self.allowance.values:
            raise Spent
        self.allowance.documents -= 1
        allowed = min(MAX_DOCUMENT_VALUES, self.allowance.values)
        budget = repeat((), allowed)
        try:
            # The fastest way to call a function for every item, and no more often than allowed.
            self._root(starmap(get_event, budget), piece)
        except TooMany:
            if allowed < MAX_DOCUMENT_VALUES:
                raise Spent from None
            raise
        finally:
            self.allowance.values -= allowed - length_hint(budget)
        self._index += 1

    def _root(self, events: Events, piece: _Piece) -> None:
        root = next(events, None)
        if root is None:
            raise TooMany
        mark = root.start_mark
        value, odd = None, False
        try:
            looked_at = watched(chain((root,), events), piece.text) if piece.watch else None
            value = build(next(looked_at), looked_at, self._keys) if looked_at else build(root, events, self._keys)
        except Odd:
            odd = True
        end = _document_end(events)
        if _is_empty(root, piece.text):
            return
        if odd or not (is_plainly_right(value) or next(complaints(value), None) is None):
            value = self._explained(piece.text[mark.index - mark.column : end.index], piece.line + mark.line)
        if value is not None:
            self._accept(value, piece.line + mark.line, mark.column + 1)

    def _explained(self, text: str, line: int) -> Any:
        """Record what is wrong with a document. Should nothing be, its plain data is returned."""
        try:
            tree = compose(text, line)
        except TooDeep as deep:
            self._problem((line + deep.mark.line, deep.mark.column + 1), TOO_DEEP)
            return None
        except TooOdd as odd:
            for place, message in odd.oddities:
                self._problem(place, message)
            return None
        value = tree.root.plain()
        found = [*tree.oddities, *((tree.mark(path, key=key), message) for path, key, message in complaints(value))]
        for place, message in found:
            self._problem(place, message)
        return None if found else value

    def _accept(self, root: dict[str, Any], line: int, column: int) -> None:
        metadata = root["metadata"]
        annotations = metadata.get("annotations", NO_ANNOTATIONS)
        document = Document(
            root["apiVersion"], root["kind"], metadata["name"], annotations, root["spec"],
            self._source, self._index, line, column,
        )  # fmt: skip
        self.documents.append(document)

    def _problem(self, place: tuple[int, int], message: str) -> None:
        location = self._location(place)
        if len(self.problems) == MAX_PROBLEMS:
            raise _Enough(location)
        self.problems.append(Problem(location, message))

    def _location(self, place: tuple[int, int]) -> Location:
        return Location(self._source.name, *place)


def _document_end(events: Events) -> Any:
    """The mark of the document's end, behind whatever is left of an odd one (many open brackets would take long)."""
    depth = 0
    for event in events:
        if isinstance(event, DocumentEndEvent):
            return event.start_mark
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise TooDeep(event.start_mark)
    raise TooMany


def _is_empty(root: Any, text: str) -> bool:
    if root.__class__ is not ScalarEvent or root.value or root.style:
        return False
    mark: Any = root.start_mark
    return text[mark.index : mark.index + 1] not in INDICATORS


def _diagnosed(error: Exception, start: Any, text: str) -> tuple[int, tuple[int, int], str]:
    """Where the parser gave up, and the place and sentence for what stopped it; ``start`` is the document's mark."""
    if isinstance(error, YAMLError):
        parser_error: Any = error
        return parser_error.problem_mark.index, *explain(parser_error, text)
    if isinstance(error, TooDeep):
        return error.mark.index, (error.mark.line, error.mark.column), TOO_DEEP
    # What can't be decoded is the text of a tag: all else was checked before it was parsed.
    message = TOO_LARGE if isinstance(error, TooMany) else INDICATORS["!"]
    return start.index + 1, (start.line, start.column), message
