"""From a file to a checked configuration, or every problem with its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from reconciler.config.across import across
from reconciler.config.models import ConfigFile
from reconciler.errors import InputError, InvalidTree
from reconciler.load.plain import load_plain
from reconciler.load.tree import Tree
from reconciler.model import Location, Path, Problem, SourceFile
from reconciler.validate.specs import sentence

MEMBERS = ("string_type", "list_type")
"""What pydantic says of a text where it tries a list, and the other way round: only worth telling alone."""


def read_config(path: str) -> ConfigFile:
    """Read and check a configuration. Raises InputError, InvalidTree with each problem at its place."""
    try:
        source = SourceFile(path, FilePath(path).read_bytes())
    except OSError as error:
        raise InputError(f"the configuration {path} can't be read: {error.strerror}") from None
    data, tree, problems = load_plain(source)
    if problems or tree is None:
        raise InvalidTree(problems, path)
    try:
        config = ConfigFile.model_validate(data)
    except ValidationError as error:
        raise InvalidTree(sorted(_of_model(path, tree, data, error)), path) from None
    found = [Problem(_at(path, tree, place), message) for place, message in across(config)]
    if found:
        raise InvalidTree(sorted(found), path)
    return config


def _of_model(path: str, tree: Tree, data: Any, error: ValidationError) -> Iterator[Problem]:
    errors = [(_place(data, one["loc"]), one) for one in error.errors(include_url=False, include_input=False)]
    better = {place[:length] for place, _ in errors for length in range(len(place))}
    better |= {place for place, one in errors if one["type"] not in MEMBERS}
    seen: set[Path] = set()
    for place, one in errors:
        if place in seen or (one["type"] in MEMBERS and place in better):
            continue
        seen.add(place)
        if one["type"] == "extra_forbidden":
            yield Problem(_at(path, tree, place, key=True), f"unknown field {str(place[-1])!r}")
        elif not place:
            yield Problem(_at(path, tree, place), sentence(one))
        else:
            yield Problem(_at(path, tree, place), f"{'.'.join(str(part) for part in place)}: {sentence(one)}")


def _place(data: Any, loc: Path) -> Path:
    """pydantic's place without the names of union members and other marks, which aren't in the file."""
    place: list[str | int] = []
    here = data
    for number, part in enumerate(loc, 1):
        known = part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int)
        if known or (isinstance(here, dict) and number == len(loc)):
            place.append(part)
            here = here[part] if known else None
    return tuple(place)


def _at(path: str, tree: Tree, place: Path, *, key: bool = False) -> Location:
    return Location(path, *tree.mark(place, key=key))
