"""``reconciler validate PATH``: is the tree sound? Needs no target, no secret and no network."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import click

from reconciler.cli.annotating import from_here
from reconciler.cli.options import output_option, path_argument
from reconciler.cli.show import fitted
from reconciler.errors import InvalidTree
from reconciler.model import Problem
from reconciler.settings import Where, claims, config_of, reserved_of
from reconciler.trees import kept, read_tree, sound_shares


@click.command("validate")
@path_argument
@click.option("--config", type=click.Path(), help="A file with several targets (RECONCILER_CONFIG).")
@output_option("text", "json", "github", "gitlab")
def command(path: str, config: str | None, output: str) -> int:
    """Check the desired state under PATH; every problem is told with file, line and column."""
    try:
        kinds, files = _checked(path, config)
    except InvalidTree as error:
        if output != "text":
            click.echo(_told(from_here(path, error), {}, 0, output), nl=False)
        raise
    text = fitted(_summary(kinds, files), sys.stdout) + "\n" if output == "text" else _told([], kinds, files, output)
    click.echo(text, nl=False)
    return 0


def _checked(path: str, config: str | None) -> tuple[Counter[str], int]:
    """How many documents of each kind, in how many files. Raises InvalidTree with every problem."""
    where = Where(config=config)
    everyone, reserved = claims(where), reserved_of(where, config_of(where))
    tree = read_tree(path, everyone)
    with kept(path, tree, os.environ) as parsed:
        found = sound_shares(tree, everyone, reserved, parsed)
    return Counter(ref.kind for desired in found.values() for ref in desired.resources), len(tree.files)


def _told(problems: Sequence[Problem], kinds: Mapping[str, int], files: int, output: str) -> str:
    from reconciler.render.problems import problems_github, problems_gitlab, problems_json

    if output == "json":
        return problems_json(problems, {"files": files, "documents": dict(sorted(kinds.items()))} if kinds else {})
    return problems_github(problems) if output == "github" else problems_gitlab(problems)


def _summary(kinds: Counter[str], files: int) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    total = sum(kinds.values())
    sound = f"Valid: {total} document{'' if total == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
    return sound + (f" ({counts})." if counts else ".")
