"""``reconciler validate PATH``: is the tree sound? Needs no target, no secret and no network."""

from __future__ import annotations

from collections import Counter

import click

from reconciler.cli.options import path_argument
from reconciler.cli.tree import load_tree
from reconciler.systems.registry import default_system


@click.command("validate")
@path_argument
def command(path: str) -> int:
    """Check the desired state under PATH; every problem is told with file, line and column."""
    loaded = load_tree(path, default_system())
    kinds = Counter(ref.kind for ref in loaded.desired.resources)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    total = sum(kinds.values())
    files = len(loaded.tree.files)
    click.echo(f"Valid: {total} document{'' if total == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
               + (f" ({counts})." if counts else "."))  # fmt: skip
    return 0
