"""What was read before: a tree of a thousand files, of which one has changed, costs the reading of one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from reconciler.load.reader import Allowance, Reader
from reconciler.model import Document, Problem, SourceFile


class File(Struct, frozen=True):
    """What one file held, and what reading it took of the allowance."""

    documents: list[Document]
    problems: list[Problem]
    took: Allowance


NOTHING: Mapping[SourceFile, File] = MappingProxyType({})


class Parsed:
    """The files of the last ``load`` that was given this, by name and whole content. ``read`` counts readings.

    ``files`` are those files; before the first ``load``, what is known from elsewhere.
    """

    def __init__(self, known: Mapping[SourceFile, File] = NOTHING) -> None:
        self.read = 0
        self.files = known
        self._used: dict[SourceFile, File] = {}

    def take(self, source: SourceFile, allowance: Allowance) -> File | None:
        """What the file held; None where it has to be read, also to find out where the allowance ends."""
        found = self.files.get(source)
        if found is None or found.took.documents > allowance.documents or found.took.values >= allowance.values:
            return None
        allowance.documents -= found.took.documents
        allowance.values -= found.took.values
        self._used[source] = found
        return found

    def keep(self, source: SourceFile, reader: Reader, before: tuple[int, int]) -> None:
        """Keep what was read; ``before`` is what was allowed then: documents and values."""
        left = reader.allowance
        took = Allowance(before[0] - left.documents, before[1] - left.values)
        self.read += 1
        self._used[source] = File(reader.documents, reader.problems, took)

    def forget_others(self) -> None:
        """What the tree holds no more needs no place."""
        self.files, self._used = self._used, {}
