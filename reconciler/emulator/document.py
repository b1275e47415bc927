"""An OpenAPI document, and request bodies checked against it, so that both can't tell different stories.

Only the keywords that the documents use are known; another one is an error at the first check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import resources
from typing import Any

import yaml

Schema = dict[str, Any]
KNOWN = frozenset(
    {
        "$ref",
        "additionalProperties",
        "anyOf",
        "description",
        "enum",
        "items",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
    }
)


class Document:
    """The openapi.yaml of a package."""

    def __init__(self, package: str) -> None:
        self._package = package

    @cached_property
    def content(self) -> dict[str, Any]:
        """All of it."""
        text = resources.files(self._package).joinpath("openapi.yaml").read_text(encoding="utf-8")
        loaded: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        return loaded

    @cached_property
    def bodies(self) -> dict[str, Schema]:
        """The schema of the JSON body, by operationId, of each operation that has one."""
        found = {}
        for item in self.content["paths"].values():
            for method, operation in item.items():
                content = operation.get("requestBody", {}).get("content", {}) if method != "parameters" else {}
                if "application/json" in content:
                    found[operation["operationId"]] = content["application/json"]["schema"]
        return found

    def problem(self, schema: Schema, value: object, where: str = "body") -> str | None:
        """What is wrong with `value` first of all, or None."""
        return next(self._problems(schema, value, where), None)

    def _problems(self, schema: Schema, value: object, where: str) -> Iterator[str]:
        unknown = schema.keys() - KNOWN
        if unknown:
            raise NotImplementedError(f"the schema of {where} uses {sorted(unknown)}")
        if "$ref" in schema:
            yield from self._problems(self._referred(schema["$ref"]), value, where)
            return
        if "anyOf" in schema:
            yield from self._any_of(schema["anyOf"], value, where)
        if "type" in schema and not IS[schema["type"]](value):
            yield f"{where} must be {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where} must be one of {', '.join(map(str, schema['enum']))}"
        yield from self._inside(schema, value, where)

    def _inside(self, schema: Schema, value: object, where: str) -> Iterator[str]:
        if isinstance(value, str):
            yield from _text(schema, value, where)
        elif isinstance(value, (int, float)):
            yield from _number(schema, value, where)
        elif isinstance(value, list):
            yield from self._list(schema, value, where)
        elif isinstance(value, dict):
            yield from self._object(schema, value, where)

    def _referred(self, reference: str) -> Schema:
        schema: Schema = self.content["components"]["schemas"][reference.rpartition("/")[2]]
        return schema

    def _any_of(self, schemas: list[Schema], value: object, where: str) -> Iterator[str]:
        found = [self.problem(schema, value, where) for schema in schemas]
        if None not in found:
            yield max((text for text in found if text), key=lambda text: text.count("."))

    def _list(self, schema: Schema, value: list[object], where: str) -> Iterator[str]:
        if len(value) < schema.get("minItems", 0):
            yield f"{where} must not be empty"
        for number, entry in enumerate(value):
            yield from self._problems(schema.get("items", {}), entry, f"{where}[{number}]")

    def _object(self, schema: Schema, value: dict[str, object], where: str) -> Iterator[str]:
        properties = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        if len(value) < schema.get("minProperties", 0):
            yield f"{where} must not be empty"
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name} is required"
        for name, entry in value.items():
            if name in properties or isinstance(rest, dict):
                yield from self._problems(properties.get(name, rest), entry, f"{where}.{name}")
            elif not rest:
                yield f"{where}.{name} isn't known"


def _text(schema: Schema, value: str, where: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{where} has the wrong length"
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield f"{where} must match {schema['pattern']}"


def _number(schema: Schema, value: float, where: str) -> Iterator[str]:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where} is out of range"


def _is_integer(value: object) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


IS: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
}
