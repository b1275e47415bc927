"""From a tree of files to each target's Desired, for every command and for the daemon."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from msgspec import Struct

from reconciler.errors import InvalidTree
from reconciler.load import Parsed, load, place
from reconciler.load.suggest import suggest
from reconciler.model import Desired, Document, FileFacts, Problem, SourceFile
from reconciler.settings import Claim, Target
from reconciler.sources import Tree
from reconciler.sources.directory import file_facts, read
from reconciler.systems.base import Kind, System
from reconciler.systems.registry import system_of
from reconciler.validate import validate

OWN_FILE = "reconciler.yaml"
"""At a tree's root, it is the configuration, and no part of the desired state."""


class Loaded(Struct, frozen=True):
    """A target's share of a tree that passed: its resources, and the files that they name and that are at hand."""

    tree: Tree
    desired: Desired
    files: dict[str, FileFacts]


NOTHING: Mapping[str, Loaded] = MappingProxyType({})


def load_for(path: str, targets: Sequence[Target], everyone: Sequence[Claim]) -> list[Loaded]:
    """The share of each target. Raises InputError, InvalidTree with every problem, those of other targets too."""
    return load_shares(read_tree(path, everyone), targets, everyone)


def load_shares(
    tree: Tree,
    targets: Sequence[Target],
    everyone: Sequence[Claim],
    parsed: Parsed | None = None,
    sound: Mapping[str, Loaded] = NOTHING,
) -> list[Loaded]:
    """The share of each target in a tree that was read. Raises InvalidTree with every problem.

    For who loads again and again under one configuration: ``parsed`` knows the files that were read before, ``sound``
    the shares, by target, of a tree that passed.
    """
    documents, problems = load(concerning(tree.files, everyone), parsed)
    taken = shares(documents, everyone)
    problems += untaken(documents, taken, everyone)
    found: list[Loaded] = []
    chosen = {target.name: target for target in targets}
    reserved = frozenset(name for target in targets for name in target.reserved)
    for claim in everyone:
        target = chosen.get(claim.name)
        system = target.system if target else system_of(claim.api_version)
        assert system is not None
        before = sound[claim.name].desired.resources if claim.name in sound else {}
        desired, more = validate(taken[claim.name], system, reserved=reserved, refuse=claim.refuse, sound=before)
        problems += more
        if target is not None:
            found.append(Loaded(tree, desired, files_at_hand(tree, desired, target)))
    if problems:
        raise InvalidTree(sorted(set(problems)))
    return found


def read_tree(path: str, everyone: Sequence[Claim]) -> Tree:
    """The tree without the configuration: the one in use, and a ``reconciler.yaml`` at the root. Raises InputError."""
    configs = {os.path.realpath(claim.config) for claim in everyone if claim.config}
    root = path if os.path.isdir(path) else os.path.dirname(path)
    configs.add(os.path.realpath(os.path.join(root, OWN_FILE)))
    return read(path, without=configs)


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


def load_tree(path: str, target: Target, everyone: Sequence[Claim]) -> Loaded:
    """The share of one target. Raises InputError, InvalidTree."""
    return load_for(path, [target], everyone)[0]


def files_at_hand(tree: Tree, desired: Desired, target: Target) -> dict[str, FileFacts]:
    """The files that documents name and that are there now. Raises InputError for a name that leads elsewhere."""
    named = list(_named(desired, target.system))
    if not named:
        return {}
    folders = _roots(tree, target)
    found = {name: next((facts for root in folders if (facts := file_facts(root, name))), None) for name in named}
    return {name: facts for name, facts in found.items() if facts is not None}


def _roots(tree: Tree, target: Target) -> list[str]:
    """Where a document's file may lie: under the tree's root, the target's folders, or the folder beside."""
    folders = [os.path.join(tree.root, path) for path in target.paths if path != "."] if tree.root else []
    found = [tree.root, *folders, *([target.installers] if target.installers else [])]
    return [folder for folder in found if folder and os.path.isdir(folder)]


def _named(desired: Desired, system: System) -> Iterator[str]:
    for name, kind in system.kinds.items():
        if type(kind).files is not Kind.files:  # nearly no kind names any, and there may be 100,000 documents
            for resource in desired.of(name):
                yield from kind.files(resource)
