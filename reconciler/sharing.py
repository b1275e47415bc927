"""Which target takes which document: by apiVersion and folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from reconciler.load import place
from reconciler.load.suggest import suggest
from reconciler.model import Document, Problem, SourceFile
from reconciler.settings import Claim


def concerning(files: Iterable[SourceFile], everyone: Sequence[Claim]) -> list[SourceFile]:
    """The files of the targets' folders, and those that name an apiVersion of theirs; others are somebody else's."""
    words = {claim.api_version.encode() for claim in everyone}
    return [
        file
        for file in files
        if any(claim.covers(file.name) for claim in everyone) or any(word in file.data for word in words)
    ]


def shares(documents: Iterable[Document], everyone: Sequence[Claim]) -> dict[str, list[Document]]:
    """The documents that each target takes, by the target's name."""
    takers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for claim in everyone:
        for path in dict.fromkeys(claim.paths):
            takers[claim.api_version, path].append(claim.name)
    found: dict[str, list[Document]] = {claim.name: [] for claim in everyone}

    @cache  # documents of one file go to the same targets
    def taking(api_version: str, file: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for path in _folders(file) for name in takers.get((api_version, path), ())))

    for document in documents:
        for name in taking(document.api_version, document.source.name):
            found[name].append(document)
    return found


def _folders(file: str) -> Iterator[str]:
    """A file's own name, each folder that it lies in, and the root."""
    yield "."
    end = len(file)
    while end > 0:
        yield file[:end]
        end = file.rfind("/", 0, end)


def untaken(
    documents: Iterable[Document], taken: dict[str, list[Document]], everyone: Sequence[Claim]
) -> list[Problem]:
    """A document that no target takes is a mistake: it would look as if it were managed."""
    known = {id(one) for share in taken.values() for one in share}
    return [_untaken(one, everyone) for one in documents if id(one) not in known]


def _untaken(document: Document, everyone: Sequence[Claim]) -> Problem:
    here = sorted({claim.api_version for claim in everyone if claim.covers(document.source.name)})
    if not here:
        folders = ", ".join(sorted({path for claim in everyone for path in claim.paths}))
        message = f"no target takes documents from this folder; their folders are {folders}"
    else:
        guess = suggest(document.api_version, here)
        message = f"no target takes documents of this apiVersion here; it would be {' or '.join(here)}.{guess}"
    return Problem(place(document, ("apiVersion",)), message)
