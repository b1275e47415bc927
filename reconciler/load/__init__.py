"""Strict YAML: from bytes to located documents, with every problem at once.

PyYAML's loaders guess (``no`` is false), forget (the last of two equal keys wins) and break (100 KB of ``[``
end the process). Here, one pass over the C parser's events builds the documents, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.load.parsed import Parsed
from reconciler.load.places import place
from reconciler.load.reader import TOO_MUCH, Allowance, Reader, Spent
from reconciler.model import Document, Location, Problem, SourceFile

__all__ = ["Parsed", "load", "place"]


def load(files: Iterable[SourceFile], parsed: Parsed | None = None) -> tuple[list[Document], list[Problem]]:
    """The documents of all files, in order, and all problems of all files, sorted by place.

    A document with a problem is left out. Never raises, whatever the bytes are. A file that ``parsed`` has read with
    the same content isn't read again: its documents are the very same objects.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    allowance = Allowance()
    for source in files:
        if parsed is not None and (known := parsed.take(source, allowance)) is not None:
            documents += known.documents
            problems += known.problems
            continue
        reader, before = Reader(source, allowance), (allowance.documents, allowance.values)
        try:
            reader.read()
        except Spent:
            problems.append(Problem(Location(source.name, 1, 1), TOO_MUCH))
            break
        finally:
            documents += reader.documents
            problems += reader.problems
        if parsed is not None:
            parsed.keep(source, reader, before)
    if parsed is not None:
        parsed.forget_others()
    return documents, sorted(problems)
