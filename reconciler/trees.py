"""From a tree of files to each target's Desired, for every command and for the daemon."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from reconciler.errors import InputError, InvalidTree
from reconciler.load import Parsed, load
from reconciler.model import Desired, Document, FileFacts
from reconciler.settings import Claim, Target, cache_home, variable
from reconciler.sharing import concerning, shares, untaken
from reconciler.sources import Tree
from reconciler.sources.directory import file_facts, read
from reconciler.sources.parse_cache import ParseCache
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
NO_SHARES: Mapping[str, Desired] = MappingProxyType({})
EMPTY = Desired()


def load_for(path: str, targets: Sequence[Target], everyone: Sequence[Claim]) -> list[Loaded]:
    """The share of each target. Raises InputError, InvalidTree with every problem, those of other targets too."""
    return load_shares(read_tree(path, everyone), targets, everyone)


def load_again(path: str, targets: Sequence[Target], everyone: Sequence[Claim]) -> list[Loaded]:
    """The same, with what earlier commands have parsed: for what only shows, and decides nothing."""
    tree = read_tree(path, everyone)
    with kept(path, tree, os.environ) as parsed:
        return load_shares(tree, targets, everyone, parsed)


@contextmanager
def kept(path: str, tree: Tree, environ: Mapping[str, str]) -> Iterator[Parsed]:
    """What earlier commands have parsed of a tree; what has to be parsed now is kept, too, unless the body raises.

    Raises InputError for a setting that means nothing.
    """
    if (wish := variable(environ, "CACHE")) not in (None, "off"):
        raise InputError("RECONCILER_CACHE can only be off", remedy="unset it, or move the cache with XDG_CACHE_HOME")
    home = cache_home(environ)
    if wish == "off" or not os.path.isabs(home):
        yield Parsed()
        return
    found = ParseCache(Path(home, "parsed"), path)
    parsed = Parsed(found.read(tree.files))
    yield parsed
    if parsed.read:
        found.write({source: file for source, file in parsed.files.items() if not _in_clear(file.documents)})


def _in_clear(documents: Iterable[Document]) -> bool:
    """Whether one of them may hold a secret that isn't named, but given."""
    return any(_is_veiled(*which) for which in {(one.api_version, one.kind) for one in documents})


@cache
def _is_veiled(api_version: str, kind: str) -> bool:
    system = system_of(api_version)
    return system is not None and kind in system.kinds and bool(system.kinds[kind].veiled)


def load_shares(
    tree: Tree,
    targets: Sequence[Target],
    everyone: Sequence[Claim],
    parsed: Parsed | None = None,
    sound: Mapping[str, Loaded] = NOTHING,
) -> list[Loaded]:
    """The share of each target in a tree that was read. Raises InvalidTree with every problem, InputError.

    For who loads again and again under one configuration: ``parsed`` knows the files that were read before, ``sound``
    the shares, by target, of a tree that passed.
    """
    reserved = frozenset(name for target in targets for name in target.reserved)
    before = {name: share.desired for name, share in sound.items()}
    found = sound_shares(tree, everyone, reserved, parsed, before)
    return [Loaded(tree, found[target.name], files_at_hand(tree, found[target.name], target)) for target in targets]


def sound_shares(
    tree: Tree,
    everyone: Sequence[Claim],
    reserved: frozenset[str],
    parsed: Parsed | None = None,
    sound: Mapping[str, Desired] = NO_SHARES,
) -> dict[str, Desired]:
    """What each target takes, by its name. Raises InvalidTree with every problem; the rest is as of ``load_shares``."""
    documents, problems = load(concerning(tree.files, everyone), parsed)
    taken = shares(documents, everyone)
    problems += untaken(documents, taken, everyone)
    found: dict[str, Desired] = {}
    for claim in everyone:
        mine, found[claim.name] = taken[claim.name], EMPTY
        if mine:
            system = system_of(claim.api_version)
            assert system is not None
            before = sound.get(claim.name, EMPTY).resources
            found[claim.name], more = validate(mine, system, reserved=reserved, refuse=claim.refuse, sound=before)
            problems += more
    if problems:
        raise InvalidTree(sorted(set(problems)))
    return found


def read_tree(path: str, everyone: Sequence[Claim]) -> Tree:
    """The tree without the configuration: the one in use, and a ``reconciler.yaml`` at the root. Raises InputError."""
    configs = {os.path.realpath(claim.config) for claim in everyone if claim.config}
    root = path if os.path.isdir(path) else os.path.dirname(path)
    configs.add(os.path.realpath(os.path.join(root, OWN_FILE)))
    return read(path, without=configs)


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
