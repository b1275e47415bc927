"""Finds a value's place again when a message needs it, so that places cost nothing while all is well."""

from __future__ import annotations

from functools import lru_cache

from yaml import YAMLError

from reconciler.load import text as cut
from reconciler.load.builder import TooDeep
from reconciler.load.tree import TooOdd, Tree, compose
from reconciler.model import Document, Location, Path, SourceFile


def place(document: Document, path: Path, *, key: bool = False) -> Location:
    """Where the value of the path (or, with ``key``, its key) stands in the document's file.

    A path into something that is missing gives the nearest place that encloses it, in the end the document's.
    """
    tree = _tree(document.source, document.line)
    return document.location if tree is None else Location(document.source.name, *tree.mark(path, key=key))


@lru_cache(maxsize=1)
def _tree(source: SourceFile, line: int) -> Tree | None:
    text, starts = _lines(source)
    if not 0 < line <= len(starts):
        return None
    begin = starts[line - 1]
    end = cut.next_document(text, begin + 1)
    try:
        return compose(text[begin:end], line)
    except (YAMLError, UnicodeError, TooDeep, TooOdd):
        return None


@lru_cache(maxsize=1)
def _lines(source: SourceFile) -> tuple[str, list[int]]:
    text = cut.decoded(source.data)
    return text, cut.line_starts(text)
