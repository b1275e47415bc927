"""Documents + kinds → Desired, or every problem at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.load import place
from reconciler.load.suggest import suggest
from reconciler.model import Desired, Document, Identity, Path, Problem, Ref, Resource
from reconciler.systems.base import Kind, System
from reconciler.validate.specs import NOT_VALID, check_spec


def validate(
    documents: Iterable[Document], system: System, *, reserved: frozenset[str] = frozenset()
) -> tuple[Desired, list[Problem]]:
    """Check documents against their kinds; what has a problem is left out of the Desired.

    ``reserved`` are the names of secrets that the configuration uses itself: documents can't name them.
    """
    problems: list[Problem] = []
    resources: dict[Ref, Resource] = {}
    for document in documents:
        kind = _kind(document, system, problems)
        if kind is None:
            continue
        earlier = resources.get(document.ref)
        if earlier is not None:
            problems.append(_at(document, ("metadata", "name"), _twice(document, earlier)))
            continue
        resource = _resource(document, kind, problems)
        if resource is not None:
            resources[document.ref] = resource
            problems += _reserved(resource, reserved)
    desired = Desired(resources)
    problems += _across(desired, system)
    return desired, sorted(set(problems))


def _kind(document: Document, system: System, problems: list[Problem]) -> Kind | None:
    if document.api_version != system.api_version:
        known = suggest(document.api_version, [system.api_version])
        message = f"no target takes documents of this apiVersion; the target's is {system.api_version}{known}"
        problems.append(_at(document, ("apiVersion",), message))
        return None
    kind = system.kinds.get(document.kind)
    if kind is None:
        kinds = ", ".join(sorted(system.kinds))
        guess = suggest(document.kind, system.kinds)
        problems.append(_at(document, ("kind",), f"{system.api_version} has no such kind; it has {kinds}.{guess}"))
    return kind


def _resource(document: Document, kind: Kind, problems: list[Problem]) -> Resource | None:
    spec, found = check_spec(document, kind.spec)
    if spec is NOT_VALID:
        problems += found
        return None
    bare = Resource(document.ref, spec, document)
    mine = [_at(document, ("spec", *path), message) for path, message in kind.check(bare)]
    problems += mine
    return Resource(document.ref, spec, document, tuple(kind.references(bare)))


def _reserved(resource: Resource, reserved: frozenset[str]) -> Iterator[Problem]:
    for path, value in _leaves(("spec",), resource.document.spec):
        if path[-1] == "secret" and value in reserved:
            message = "this secret is the reconciler's own: documents can't name it"
            yield _at(resource.document, path, message)


def _leaves(path: Path, value: object) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves((*path, key), part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _leaves((*path, index), part)
    else:
        yield path, value


def _across(desired: Desired, system: System) -> Iterator[Problem]:
    """What concerns several documents: one identity twice, and what kinds say about all their documents."""
    claimed: dict[tuple[str, Identity], Resource] = {}
    for resource in desired.resources.values():
        for identity in system.kinds[resource.ref.kind].natural_keys(resource, desired):
            earlier = claimed.setdefault((resource.ref.kind, identity), resource)
            if earlier is not resource:
                shown = ", ".join(identity)
                message = (
                    f"{resource.ref} and {earlier.ref} ({earlier.document.location}) are the same object ({shown})"
                )
                yield _at(resource.document, ("metadata", "name"), message)
    for kind in system.kinds.values():
        for resource, path, message in kind.check_all(desired):
            yield _at(resource.document, ("spec", *path), message)


def _twice(document: Document, earlier: Resource) -> str:
    return f"{document.ref} is declared twice; the first time at {earlier.document.location}"


def _at(document: Document, path: Path, message: str) -> Problem:
    return Problem(place(document, path), message)
