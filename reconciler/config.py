"""``reconciler.yaml``: several targets, each with its system, its folders, its credentials by name, its policy."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from reconciler.errors import InputError, InvalidTree
from reconciler.load.plain import load_plain
from reconciler.load.suggest import suggest
from reconciler.load.tree import Tree
from reconciler.model import Location, Path, Problem, SourceFile
from reconciler.systems.base import Spec
from reconciler.systems.fields import NAME_PATTERN, Name
from reconciler.systems.registry import systems
from reconciler.validate.specs import sentence

SecretName = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", max_length=200)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
MEMBERS = ("string_type", "list_type")
"""What pydantic says of a text where it tries a list, and the other way round: only worth telling alone."""


class TlsConfig(Spec):
    """``ca``: a PEM file, relative to the configuration; ``allow_http``: plain HTTP to another machine."""

    ca: Name | None = None
    allow_http: bool = False


class BudgetConfig(Spec):
    """How many destructive steps a pass, and 24 hours, may see."""

    destructive: Count = 5
    daily: Count = 20


class PolicyConfig(Spec):
    """What is always allowed for this target, without a flag."""

    prune: bool = False
    allow: list[Literal["redeploy", "replace"]] = Field(default_factory=list)
    budget: BudgetConfig = Field(default_factory=BudgetConfig)


class TargetConfig(Spec):
    """One target. ``credentials`` names secrets; ``path`` is one folder under the tree's root, or several."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    system: Name
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    path: Name | Annotated[list[Name], Field(min_length=1)] = "."
    credentials: dict[Name, SecretName] = Field(default_factory=dict)
    tls: TlsConfig = Field(default_factory=TlsConfig)
    policy: PolicyConfig = Field(default_factory=PolicyConfig)
    settings: dict[Name, Name] = Field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders as a tuple, each in its shortest form: no slash at its end, no ``.`` and no ``..`` inside."""
        given = [self.path] if isinstance(self.path, str) else self.path
        return tuple(posixpath.normpath(one) for one in given)


class ConfigFile(Spec):
    """The whole file. ``secrets_dir``, ``installers`` and each ``ca`` are relative to it."""

    apiVersion: Literal["reconciler/v1"]  # noqa: N815 - the name in the file
    kind: Literal["Config"]
    state: Name | None = None
    secrets_dir: Name | None = None
    installers: Name | None = None
    targets: Annotated[list[TargetConfig], Field(min_length=1, max_length=10_000)]

    @property
    def reserved(self) -> frozenset[str]:
        """The names of secrets that the configuration uses itself, which documents can't."""
        return frozenset(name for target in self.targets for name in target.credentials.values())


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
    found = [Problem(_at(path, tree, place), message) for place, message in _across(config)]
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


def _across(config: ConfigFile) -> Iterator[tuple[Path, str]]:
    names: dict[str, int] = {}
    urls: dict[str, int] = {}
    for index, target in enumerate(config.targets):
        here: Path = ("targets", index)
        if names.setdefault(target.name, index) != index:
            yield (*here, "name"), f"two targets are called {target.name!r}"
        if urls.setdefault(target.url.rstrip("/").lower(), index) != index:
            yield (*here, "url"), f"{config.targets[urls[target.url.rstrip('/').lower()]].name} has the same url"
        if any(one.startswith("/") or one.split("/")[0] == ".." for one in target.paths):
            yield (*here, "path"), "a path lies under the tree's root and can't leave it"
        yield from _of_system(here, target)


def _of_system(here: Path, target: TargetConfig) -> Iterator[tuple[Path, str]]:
    system = systems().get(target.system)
    if system is None:
        known = ", ".join(sorted(systems()))
        guess = suggest(target.system, systems())
        yield (*here, "system"), f"there is no such system; there are {known}.{guess}"
        return
    if not any(set(wanted) == set(target.credentials) for wanted in system.credentials):
        sets = " or ".join("{" + ", ".join(wanted) + "}" for wanted in system.credentials)
        yield (*here, "credentials"), f"the credentials of {system.title} are {sets}, each the name of a secret"
    try:
        system.configured(target.settings)
    except InputError as error:
        yield (*here, "settings"), f"{error.message}: {error.remedy}"


def _at(path: str, tree: Tree, place: Path, *, key: bool = False) -> Location:
    return Location(path, *tree.mark(place, key=key))
