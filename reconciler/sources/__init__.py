"""Where the desired state comes from: a tree of files and its revision."""

from __future__ import annotations

from msgspec import Struct

from reconciler.model import SourceFile


class Tree(Struct, frozen=True):
    """The files of the desired state, sorted by name; ``root`` is the directory that their names are relative to.

    ``revision`` is the commit that they were read from, None for a plain directory.
    """

    files: tuple[SourceFile, ...]
    root: str
    revision: str | None
