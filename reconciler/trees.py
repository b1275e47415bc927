"""From a path to Desired, for every command that takes a directory of desired state."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler.errors import InvalidTree
from reconciler.load import load, place
from reconciler.load.suggest import suggest
from reconciler.model import Desired, Document, FileFacts, Problem
from reconciler.settings import Claim, Target
from reconciler.sources import Tree
from reconciler.sources.directory import file_facts, read
from reconciler.systems.base import System
from reconciler.systems.registry import system_of
from reconciler.validate import validate


@dataclass(frozen=True)
class Loaded:
    """A target's share of a tree that passed: its resources, and the files that they name and that are at hand."""

    tree: Tree
    desired: Desired
    files: dict[str, FileFacts]


def load_for(path: str, targets: Sequence[Target], everyone: Sequence[Claim]) -> list[Loaded]:
    """The share of each target. Raises InputError, InvalidTree with every problem, those of other targets too."""
    tree = read_tree(path, everyone)
    documents, problems = load(tree.files)
    problems += untaken(documents, everyone)
    found: list[Loaded] = []
    chosen = {target.name: target for target in targets}
    reserved = frozenset(name for target in targets for name in target.reserved)
    for claim in everyone:
        target = chosen.get(claim.name)
        system = target.system if target else system_of(claim.api_version)
        assert system is not None
        desired, more = validate(share(documents, claim), system, reserved=reserved)
        problems += more
        if target is not None:
            found.append(Loaded(tree, desired, _files(_roots(tree, claim, target), desired, system)))
    if problems:
        raise InvalidTree(sorted(set(problems)))
    return found


def read_tree(path: str, everyone: Sequence[Claim]) -> Tree:
    """The tree without the configuration: the one in use, and a ``reconciler.yaml`` at the root. Raises InputError."""
    tree = read(path)
    configs = {os.path.realpath(claim.config) for claim in everyone if claim.config}
    configs.add(os.path.realpath(os.path.join(tree.root, "reconciler.yaml")))
    files = tuple(one for one in tree.files if os.path.realpath(os.path.join(tree.root, one.name)) not in configs)
    return replace(tree, files=files)


def share(documents: Iterable[Document], claim: Claim) -> list[Document]:
    """The documents that a target takes."""
    return [one for one in documents if one.api_version == claim.api_version and claim.covers(one.source.name)]


def untaken(documents: Iterable[Document], everyone: Sequence[Claim]) -> list[Problem]:
    """A document that no target takes is a mistake: it would look as if it were managed."""
    taken = {(one.source.name, one.line) for claim in everyone for one in share(documents, claim)}
    return [_untaken(one, everyone) for one in documents if (one.source.name, one.line) not in taken]


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


def _roots(tree: Tree, claim: Claim, target: Target) -> list[str]:
    """Where a document's file may lie: under the tree's root, the target's folders, or the folder beside."""
    folders = [os.path.join(tree.root, path) for path in claim.paths if path != "."]
    found = [tree.root, *folders, *([target.installers] if target.installers else [])]
    return [folder for folder in found if os.path.isdir(folder)]


def _files(roots: list[str], desired: Desired, system: System) -> dict[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    for resource in desired.resources.values():
        for name in system.kinds[resource.ref.kind].files(resource):
            facts = next((facts for root in roots if (facts := file_facts(root, name)) is not None), None)
            if facts is not None:
                found[name] = facts
    return found
