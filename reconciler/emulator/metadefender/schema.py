"""Request bodies, checked against the product's openapi.yaml."""

from __future__ import annotations

from typing import Any

from reconciler.emulator.document import Document, Schema

DOCUMENT = Document("reconciler.emulator")


def document() -> dict[str, Any]:
    """openapi.yaml."""
    return DOCUMENT.content


def body_schemas() -> dict[str, Schema]:
    """The schema of the JSON body, by operationId, of each operation that has one."""
    return DOCUMENT.bodies


def problem(schema: Schema, value: object) -> str | None:
    """What is wrong with `value` first of all, or None."""
    return DOCUMENT.problem(schema, value)
