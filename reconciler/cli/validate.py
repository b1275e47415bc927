"""``reconciler validate PATH``: is the tree sound? Needs no target, no secret and no network."""

from __future__ import annotations

from collections import Counter

import click

from reconciler.cli.options import path_argument
from reconciler.errors import InvalidTree
from reconciler.load import load
from reconciler.secrets import RESERVED
from reconciler.settings import Where, claims, config_of
from reconciler.systems.registry import system_of
from reconciler.trees import read_tree, shares, untaken
from reconciler.validate import validate


@click.command("validate")
@path_argument
@click.option("--config", type=click.Path(), help="A file with several targets (RECONCILER_CONFIG).")
def command(path: str, config: str | None) -> int:
    """Check the desired state under PATH; every problem is told with file, line and column."""
    where = Where(config=config)
    everyone, found = claims(where), config_of(where)
    reserved = RESERVED | (found.reserved if found else frozenset())
    tree = read_tree(path, everyone)
    documents, problems = load(tree.files)
    taken = shares(documents, everyone)
    problems += untaken(documents, taken, everyone)
    kinds: Counter[str] = Counter()
    for claim in everyone:
        mine = taken[claim.name]
        system = system_of(claim.api_version) if mine else None
        if system is None:
            continue
        desired, more = validate(mine, system, reserved=reserved)
        problems += more
        kinds.update(ref.kind for ref in desired.resources)
    if problems:
        raise InvalidTree(sorted(set(problems)))
    click.echo(_summary(kinds, len(tree.files)))
    return 0


def _summary(kinds: Counter[str], files: int) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    total = sum(kinds.values())
    sound = f"Valid: {total} document{'' if total == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
    return sound + (f" ({counts})." if counts else ".")
