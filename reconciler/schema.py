"""JSON Schema of the desired state: one per kind, and one for all, for editors and for other tools."""

from __future__ import annotations

from typing import Any

from reconciler.systems.base import Kind, System

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANNOTATIONS = {
    "reconciler/prune": {"const": "disabled", "description": "Removing the document doesn't delete the object."},
    "reconciler/reconcile": {"const": "disabled", "description": "Nothing is done about this document."},
    "reconciler/adopt": {"const": "enabled", "description": "An object that is there already becomes ours."},
}


def kind_schema(system: System, kind: Kind) -> dict[str, Any]:
    """The schema of one kind's documents."""
    spec = kind.spec.model_json_schema(ref_template="#/$defs/{model}")
    definitions = spec.pop("$defs", {})
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": f"{kind.name} ({system.title})",
        "description": kind.summary,
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": system.api_version},
            "kind": {"const": kind.name},
            "metadata": _metadata(),
            "spec": _without_null(spec),
        },
    }
    return schema | ({"$defs": _without_null(definitions)} if definitions else {})


def system_schema(system: System) -> dict[str, Any]:
    """One schema that takes a document of any kind of the system."""
    kinds = {name: kind_schema(system, kind) for name, kind in sorted(system.kinds.items())}
    definitions: dict[str, Any] = {}
    for schema in kinds.values():
        definitions |= schema.pop("$defs", {})
        schema.pop("$schema")
    choices = [
        {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": {"$ref": f"#/$defs/{name}"}}
        for name in kinds
    ]
    return {
        "$schema": DIALECT,
        "title": f"Desired state ({system.title})",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {"apiVersion": {"const": system.api_version}, "kind": {"enum": sorted(kinds)}},
        "allOf": choices,
        "$defs": definitions | kinds,
    }


def _metadata() -> dict[str, Any]:
    annotations = {"type": "object", "properties": ANNOTATIONS, "additionalProperties": {"type": "string"}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 256}, "annotations": annotations},
    }


def _without_null(schema: Any) -> Any:
    """An optional field is one that may be left out; null is never a value."""
    if isinstance(schema, list):
        return [_without_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _without_null(part) for key, part in schema.items() if not (key == "default" and part is None)}
    choices = kept.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        kept.pop("anyOf")
        kept = {**kept, **rest[0]} if len(rest) == 1 else {**kept, "anyOf": rest}
    return kept
