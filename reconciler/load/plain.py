"""Other YAML than the desired state, as strictly: one document of plain data, in no envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, StreamEndEvent

from reconciler.load import text as cut
from reconciler.load.builder import TooDeep, TooMany
from reconciler.load.limits import MAX_DEPTH
from reconciler.load.syntax import explain
from reconciler.load.tree import TooOdd, Tree, compose
from reconciler.model import Location, Problem, SourceFile

MAX_BYTES = 1024 * 1024
MAX_VALUES = 300_000
"""Enough for a configuration with 10,000 targets."""


def load_plain(source: SourceFile) -> tuple[Any, Tree | None, list[Problem]]:
    """The data, the tree that tells places, and every problem (then the data is None). Never raises."""
    if len(source.data) > MAX_BYTES:
        return None, None, [Problem(Location(source.name, 1, 1), f"the file is larger than {MAX_BYTES // 1024} KiB")]
    if refusal := cut.refusal(source.data):
        return None, None, [Problem(Location(source.name, 1, 1), refusal)]
    text = cut.decoded(source.data)
    if fault := cut.fault(text, 0, plain=cut.is_plain(source.data)):
        line = 1 + cut.line_breaks(text, 0, fault.at)
        return None, None, [Problem(Location(source.name, line, fault.column), fault.message)]
    try:
        second = _second_document(text)
        tree = compose(text, 1)
    except TooDeep as deep:
        return None, None, [_problem(source, (deep.mark.line + 1, deep.mark.column + 1), "this is nested too deeply")]
    except TooMany:
        return None, None, [_problem(source, (1, 1), f"the file has more than {MAX_VALUES:,} values")]
    except TooOdd as odd:
        return None, None, [_problem(source, place, message) for place, message in odd.oddities]
    except (YAMLError, UnicodeDecodeError) as error:
        return None, None, [_broken(source, error, text)]
    if second is not None:
        return None, None, [_problem(source, second, "a second document begins here; this file takes one")]
    if tree.oddities:
        return None, None, [_problem(source, place, message) for place, message in tree.oddities]
    return tree.root.plain(), tree, []


def _second_document(text: str) -> tuple[int, int] | None:
    """Where a second document begins, if one does. Reads to the end, so raises whatever is wrong anywhere.

    Raises TooDeep and TooMany soon: the parser takes quadratic time for many open brackets.
    """
    next_event: Callable[[], Any] = CParser(text).get_event
    begun = depth = values = 0
    while (event := next_event()).__class__ is not StreamEndEvent:
        begun += event.__class__ is DocumentStartEvent
        if begun == 2:
            return event.start_mark.line + 1, event.start_mark.column + 1
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise TooDeep(event.start_mark)
        values += 1
        if values > MAX_VALUES:
            raise TooMany
    return None


def _broken(source: SourceFile, error: Exception, text: str) -> Problem:
    if getattr(error, "problem_mark", None) is None:
        return _problem(source, (1, 1), "there is nothing in this file")
    (line, column), message = explain(error, text)
    return _problem(source, (line + 1, column + 1), message)


def _problem(source: SourceFile, place: tuple[int, int], message: str) -> Problem:
    return Problem(Location(source.name, *place), message)
