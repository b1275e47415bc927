"""Where problems are to be seen: at the file and line in a pull request, besides on standard error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
from msgspec.structs import replace

from reconciler.errors import InvalidTree
from reconciler.model import Problem
from reconciler.render.problems import problems_github

TREE = "the desired state"
"""What an InvalidTree calls the tree; the files of a configuration are named as it was given."""

annotations_option = click.option(
    "--annotations", type=click.Choice(["github"]), help="Also tell problems in a way that shows them at their lines."
)


@contextmanager
def annotated(path: str, style: str | None) -> Iterator[None]:
    """Tell what is wrong with a tree in the style (on standard error) before the error goes its way."""
    try:
        yield
    except InvalidTree as error:
        if style is not None:
            click.echo(problems_github(from_here(path, error)), nl=False, err=True)
        raise


def from_here(path: str, error: InvalidTree) -> list[Problem]:
    """The problems, with each file named as seen from where the command runs."""
    if not error.message.endswith(f" in {TREE}"):
        return list(error.problems)
    return list(_located(path if os.path.isdir(path) else os.path.dirname(path), error.problems))


def _located(root: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    here = os.path.realpath(os.curdir)
    base = os.path.realpath(root or os.curdir)
    for problem in problems:
        file = os.path.relpath(os.path.join(base, problem.location.file), here)
        yield replace(problem, location=replace(problem.location, file=file))
