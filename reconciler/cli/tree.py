"""From a path to Desired, for every command that takes a directory of desired state."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import InvalidTree
from reconciler.load import load
from reconciler.model import Desired, FileFacts
from reconciler.sources import Tree
from reconciler.sources.directory import file_facts, read
from reconciler.systems.base import System
from reconciler.validate import validate

RESERVED = frozenset({"fingerprint-key"})


@dataclass(frozen=True)
class Loaded:
    """A tree that passed: its resources, and the files that documents name and that are at hand."""

    tree: Tree
    desired: Desired
    files: dict[str, FileFacts]


def load_tree(path: str, system: System, installers: str | None = None) -> Loaded:
    """Read, load and validate. Raises InputError, InvalidTree with every problem."""
    tree = read(path)
    documents, problems = load(tree.files)
    desired, more = validate(documents, system, reserved=RESERVED)
    if problems or more:
        raise InvalidTree(sorted([*problems, *more]))
    return Loaded(tree, desired, _files(tree, desired, system, installers))


def _files(tree: Tree, desired: Desired, system: System, installers: str | None) -> dict[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    for resource in desired.resources.values():
        for name in system.kinds[resource.ref.kind].files(resource):
            facts = file_facts(tree.root, name) or (file_facts(installers, name) if installers else None)
            if facts is not None:
                found[name] = facts
    return found
