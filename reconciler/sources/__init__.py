"""Where the desired state comes from: a tree of files and its revision."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import SourceFile


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of the desired state, sorted by name; ``root`` is the directory that their names are relative to.

    ``revision`` is the commit that they were read from, None for a plain directory.
    """

    files: tuple[SourceFile, ...]
    root: str
    revision: str | None
