"""The nouns that every floor shares: where something stands, what is wanted, what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from msgspec import Struct, field

Path = tuple[str | int, ...]
"""A place inside a document: ``("spec", "roles", 0)``."""

Identity = tuple[str, ...]
"""An object's natural key within its kind: ``("LOCAL", "alice")``."""

Key = tuple[str, Identity]
"""An object's natural key within its target: ``("User", ("LOCAL", "alice"))``."""


class Ref(NamedTuple):
    """A document by kind and name; printed as ``Kind/name``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Location(Struct, frozen=True, order=True):
    """A place in a file of the desired state; line and column count from 1. Printed as ``file:line:column``."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(Struct, frozen=True, order=True):
    """Something wrong with the desired state, with its place."""

    location: Location
    message: str

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


class SourceFile(Struct, frozen=True):
    """A file of the desired state: its path under the tree's root, and its bytes."""

    name: str
    data: bytes

    def __repr__(self) -> str:
        return f"SourceFile({self.name!r})"  # what a file holds may have to stay unsaid


class Document(Struct, frozen=True):
    """One YAML document after strict loading: plain data, not yet checked against its kind.

    ``source`` and ``index`` (its number in the file, from 0) let a problem's exact place be found again
    when one is needed, so that places cost nothing while all is well.
    """

    api_version: str
    kind: str
    name: str
    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    source: SourceFile
    index: int
    line: int
    column: int

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.name)

    @property
    def location(self) -> Location:
        return Location(self.source.name, self.line, self.column)


class Reference(Struct, frozen=True):
    """One document naming another object: where it says so, and which kind and name it means."""

    path: Path
    kind: str
    name: str


class Resource(Struct, frozen=True):
    """A document that passed its kind's checks. ``spec`` is the kind's own pydantic model; ``secrets`` are the names of
    those that the document names."""

    ref: Ref
    spec: Any
    document: Document
    references: tuple[Reference, ...] = ()
    secrets: tuple[str, ...] = ()

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.document.annotations


class Desired(Struct, frozen=True, dict=True):
    """Everything that the tree asks for, of one target."""

    resources: Mapping[Ref, Resource] = field(default_factory=dict)

    def of(self, kind: str) -> Sequence[Resource]:
        """All resources of a kind, in the tree's order."""
        return self._kinds.get(kind, ())

    @cached_property
    def _kinds(self) -> Mapping[str, Sequence[Resource]]:
        # Rules and kinds ask again and again. Threads that ask at once each make the same.
        found: dict[str, list[Resource]] = {}
        for ref, resource in self.resources.items():
            found.setdefault(ref.kind, []).append(resource)
        return found


class Item(Struct, frozen=True):
    """One object that a document asks for (a Deployment asks for one a worker, most ask for one).

    ``fields`` holds only what the document manages, normalised as the kind compares it;
    a value may be a ``SecretRef``, or hold some.
    """

    kind: str
    identity: Identity
    name: str
    fields: Mapping[str, Any]
    resource: Resource

    @property
    def key(self) -> Key:
        return (self.kind, self.identity)


class LiveObject(Struct, frozen=True):
    """One object as the server shows it.

    ``fields`` uses the same normal form as ``Item.fields``; what can't be read back is absent.
    ``facts`` holds what rules need and nobody manages (status words, ``is_self``, ``builtin`` …).
    """

    kind: str
    identity: Identity
    name: str
    id: str | None
    fields: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return (self.kind, self.identity)


class FileFacts(Struct, frozen=True):
    """A file that a document names: where it lies, its size in bytes, its SHA-256 once it was computed."""

    path: str
    size: int
    sha256: str | None = None
