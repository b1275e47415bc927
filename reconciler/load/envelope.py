"""The part of a document that all kinds share: apiVersion, kind, metadata and spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import Any, NamedTuple

from reconciler.load.limits import MAX_NAME
from reconciler.load.suggest import quoted, suggest
from reconciler.model import Path

FIELDS = dict.fromkeys(["apiVersion", "kind", "metadata", "spec"]).keys()
METADATA = dict.fromkeys(["name", "annotations"]).keys()
OWN_PREFIX = "reconciler/"
ANNOTATIONS = {"reconciler/adopt": "enabled", "reconciler/prune": "disabled", "reconciler/reconcile": "disabled"}
"""Our own annotations, each with the only value that it can have."""


_NAME = re.compile(f"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{{1,{MAX_NAME}}}")


class Complaint(NamedTuple):
    """Something wrong with the envelope: where, whether the key rather than the value is meant, and what."""

    path: Path
    key: bool
    message: str


def is_plainly_right(root: Any) -> bool:
    """A quick look that most documents pass; of the others ``complaints`` tells whether anything is wrong."""
    if root.__class__ is not dict or root.keys() != FIELDS or root["spec"].__class__ is not dict:
        return False
    metadata, api_version, kind = root["metadata"], root["apiVersion"], root["kind"]
    if metadata.__class__ is not dict or len(metadata) != 1 or not (api_version and kind):
        return False
    name = metadata.get("name")
    return (
        api_version.__class__ is str and kind.__class__ is str and name.__class__ is str and bool(_NAME.fullmatch(name))
    )


def complaints(root: Any) -> Iterator[Complaint]:
    """All that is wrong with the envelope of a document's plain data, except nulls, which ``tree`` tells of."""
    if root is None:
        return
    if not isinstance(root, dict):
        yield Complaint((), False, "a document must be a map with apiVersion, kind, metadata and spec")
        return
    yield from _fields(root, FIELDS, ())
    for field in ("apiVersion", "kind"):
        yield from _text(root, field)
    if "metadata" not in root:
        yield Complaint((), False, "metadata is missing")
    elif isinstance(root["metadata"], dict):
        yield from _metadata(root["metadata"])
    elif root["metadata"] is not None:
        yield Complaint(("metadata",), False, "metadata must be a map, such as 'name: example' in a line of its own")
    if "spec" not in root:
        yield Complaint((), False, "spec is missing: write spec: {} for an empty one")
    elif not isinstance(root["spec"], dict | None):
        yield Complaint(("spec",), False, "spec must be a map of fields")


def _metadata(metadata: dict[str, Any]) -> Iterator[Complaint]:
    yield from _fields(metadata, METADATA, ("metadata",))
    name = metadata.get("name")
    if "name" not in metadata:
        yield Complaint(("metadata",), False, "metadata.name is missing")
    elif not isinstance(name, str | None):
        yield Complaint(("metadata", "name"), False, "metadata.name must be a string: put it in quotes")
    elif name is not None and not _NAME.fullmatch(name):
        message = f"metadata.name must have 1 to {MAX_NAME} characters, and no control character or line break"
        yield Complaint(("metadata", "name"), False, message)
    annotations = metadata.get("annotations", {})
    if isinstance(annotations, dict):
        yield from _annotations(annotations)
    elif annotations is not None:
        yield Complaint(("metadata", "annotations"), False, "metadata.annotations must be a map of strings")


def _annotations(annotations: dict[str, Any]) -> Iterator[Complaint]:
    for key, value in annotations.items():
        path = ("metadata", "annotations", key)
        if key.startswith(OWN_PREFIX) and key not in ANNOTATIONS:
            yield Complaint(path, True, _unknown("annotation", key, ANNOTATIONS))
        elif not isinstance(value, str | None):
            yield Complaint(path, False, f"the annotation {quoted(key)} must be a string: put its value in quotes")
        elif value is not None and value != ANNOTATIONS.get(key, value):
            yield Complaint(path, False, f"the annotation {quoted(key)} can only be {quoted(ANNOTATIONS[key])}")


def _fields(fields: dict[str, Any], known: Set[str], path: Path) -> Iterator[Complaint]:
    what = "field of metadata" if path else "top-level field"
    for key in fields:
        if key not in known:
            yield Complaint((*path, key), True, _unknown(what, key, known))


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    hint = suggest(word, known)
    return f"unknown {what} {quoted(word)}.{hint}" if hint else f"unknown {what} {quoted(word)}"


def _text(root: dict[str, Any], field: str) -> Iterator[Complaint]:
    if field not in root:
        yield Complaint((), False, f"{field} is missing")
    elif not isinstance(root[field], str | None):
        yield Complaint((field,), False, f"{field} must be a string: put it in quotes")
    elif root[field] == "":
        yield Complaint((field,), False, f"{field} must not be empty")
