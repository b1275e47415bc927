"""Documents + kinds → Desired, or every problem at once, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from reconciler.load import place
from reconciler.load.suggest import suggest
from reconciler.model import Desired, Document, Identity, Path, Problem, Ref, Resource
from reconciler.systems.base import Kind, System
from reconciler.validate.specs import NOT_VALID, check_spec

Refuse = Callable[[str, tuple[str, int | None] | None], str | None]
"""Why a document can't name a secret, as a sentence; None: it can. It is given the secret's name, and the host and port
that the document has it used at, where it names a host."""

Named = tuple[Path, str, bool]
"""Where a document names a secret, and which; and whether there is nothing beside it, as where a secret is meant."""

NOTHING: Mapping[Ref, Resource] = MappingProxyType({})


def validate(
    documents: Iterable[Document],
    system: System,
    *,
    reserved: frozenset[str] = frozenset(),
    refuse: Refuse = lambda name, used_at: None,
    sound: Mapping[Ref, Resource] = NOTHING,
) -> tuple[Desired, list[Problem]]:
    """Check documents against their kinds; what has a problem is left out of the Desired.

    ``reserved`` are the names of secrets that the configuration uses itself: documents can't name them. ``refuse``
    knows of which others the target mustn't be told. ``sound`` are the resources of an earlier tree in which nothing
    was wrong, checked in the same way: one whose document is the very same object isn't checked by itself again.
    """
    problems: list[Problem] = []
    resources: dict[Ref, Resource] = {}
    for document in documents:
        kind = system.kinds.get(document.kind) if document.api_version == system.api_version else None
        if kind is None:
            problems.append(_foreign(document, system))
            continue
        ref = document.ref
        earlier = resources.get(ref)
        if earlier is not None:
            problems.append(_at(document, ("metadata", "name"), _twice(document, earlier)))
            continue
        known = sound.get(ref)
        if known is not None and known.document is document:
            resources[ref] = known
            continue
        named = _named(("spec",), document.spec)
        resource = _resource(ref, document, kind, named, problems)
        if resource is not None:
            resources[ref] = resource
            if named:
                problems += _secrets(resource, named, reserved, refuse)
    desired = Desired(resources)
    problems += _across(desired, system)
    return desired, sorted(set(problems))


def _foreign(document: Document, system: System) -> Problem:
    """What is wrong with a document that is of no kind of ours."""
    if document.api_version != system.api_version:
        known = suggest(document.api_version, [system.api_version])
        message = f"no target takes documents of this apiVersion; the target's is {system.api_version}{known}"
        return _at(document, ("apiVersion",), message)
    kinds = ", ".join(sorted(system.kinds))
    guess = suggest(document.kind, system.kinds)
    return _at(document, ("kind",), f"{system.api_version} has no such kind; it has {kinds}.{guess}")


def _resource(ref: Ref, document: Document, kind: Kind, named: list[Named], problems: list[Problem]) -> Resource | None:
    spec, found = check_spec(document, kind.spec)
    if spec is NOT_VALID:
        problems += found
        return None
    bare = Resource(ref, spec, document)
    problems += [_at(document, ("spec", *path), message) for path, message in kind.check(bare)]
    references, secrets = tuple(kind.references(bare)), tuple([name for _, name, alone in named if alone])
    if not references and not secrets:
        return bare
    return Resource(ref, spec, document, references, _shared(secrets))


@lru_cache(maxsize=1000)  # thousands of documents name the same few secrets
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


def _secrets(resource: Resource, named: list[Named], reserved: frozenset[str], refuse: Refuse) -> Iterator[Problem]:
    model: type[BaseModel] = type(resource.spec)
    host = resource.spec.host if _has_host(model) else None
    used_at = (host, getattr(resource.spec, "port", None)) if isinstance(host, str) else None
    for path, value, _ in named:
        own = "this secret is the reconciler's own: documents can't name it" if value in reserved else None
        if message := own or refuse(value, used_at):
            yield _at(resource.document, path, message)


@cache  # to ask pydantic takes as long as all the rest
def _has_host(model: type[BaseModel]) -> bool:
    return "host" in model.model_fields


_NESTED = (dict, list)


def _named(path: Path, value: Mapping[str, Any] | list[Any]) -> list[Named]:
    """Each secret that a part of a spec names, and where. Most parts name none, so that paths are made late."""
    found: list[Named] = []
    for key, part in enumerate(value) if isinstance(value, list) else value.items():
        if isinstance(part, _NESTED):
            found += _named((*path, key), part)
        elif key == "secret" and isinstance(part, str):
            found.append(((*path, key), part, len(value) == 1))
    return found


def _across(desired: Desired, system: System) -> Iterator[Problem]:
    """What concerns several documents: one identity twice, and what kinds say about all their documents."""
    for kind in system.kinds.values():
        claimed: dict[Identity, Resource] = {}
        for resource in desired.of(kind.name):
            for identity in kind.natural_keys(resource, desired):
                earlier = claimed.setdefault(identity, resource)
                if earlier is not resource:
                    message = _same(resource, earlier, identity)
                    yield _at(resource.document, ("metadata", "name"), message)
        for resource, path, message in kind.check_all(desired):
            yield _at(resource.document, ("spec", *path), message)


def _same(resource: Resource, earlier: Resource, identity: Identity) -> str:
    shown = ", ".join(identity)
    return f"{resource.ref} and {earlier.ref} ({earlier.document.location}) are the same object ({shown})"


def _twice(document: Document, earlier: Resource) -> str:
    return f"{document.ref} is declared twice; the first time at {earlier.document.location}"


def _at(document: Document, path: Path, message: str) -> Problem:
    return Problem(place(document, path), message)
