"""The OpenAPI 3.1 document, made from the operations and models that requests are served with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from starlette.responses import Response

import reconciler
from reconciler.render.schema import schema as plan_schema
from reconciler.web.models import ELSEWHERE, ProblemDetails
from reconciler.web.operations import Call, Operation
from reconciler.web.problems import MEDIA_TYPE

REF = "#/components/schemas/"
PLAN_PARTS = "Plan."
"""What the names of the plan document's own parts begin with."""

DESCRIPTION = (
    "What the reconciler knows of its targets, and what operators may do. Each role may do what the ones before it "
    "may: read, plan, operate. Where no token is configured and the server listens on a loopback address, reading "
    "takes none."
)
SCHEMES: Mapping[str, Mapping[str, str]] = {
    "token": {"type": "http", "scheme": "bearer"},
    "github": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256"},
    "gitea": {"type": "apiKey", "in": "header", "name": "X-Gitea-Signature"},
    "gitlab": {"type": "apiKey", "in": "header", "name": "X-Gitlab-Token"},
}
WITH_BODY = (400, 408, 413, 415, 422)
WITH_ROLE = (401, 403, 422, 429)
ALWAYS = (421, 500, 503)


class _Untitled(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Schemas:
    """The schemas that operations refer to, by name."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = dict(_plan_parts())

    def of(self, model: Any, mode: JsonSchemaMode) -> dict[str, Any]:
        """The schema of a type; its parts, and itself if it is a model, are kept by name."""
        adapter = TypeAdapter(model)
        made: dict[str, Any] = _linked(
            adapter.json_schema(mode=mode, ref_template=f"{REF}{{model}}", schema_generator=_Untitled)
        )
        self.found.update(made.pop("$defs", {}))
        name = made.get("title")
        if not isinstance(name, str):
            return made
        self.found[name] = made
        return {"$ref": REF + name}


def make(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document."""
    schemas, paths = Schemas(), dict[str, dict[str, Any]]()
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "reconciler", "version": reconciler.__version__, "description": DESCRIPTION},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.found.items())), "securitySchemes": SCHEMES},
    }


async def serve(call: Call) -> Response:
    """The document, as it was made once."""
    return Response(call.services.document, media_type="application/json")


def statuses(operation: Operation) -> list[int]:
    """The statuses with a problem document that an operation may answer with."""
    found = {*operation.statuses, *ALWAYS}
    found |= set(WITH_ROLE) if operation.role is not None else set()
    found |= set(WITH_BODY) if operation.body is not None else set()
    found |= {404} if "{name}" in operation.path else set()
    return sorted(found - set(operation.answers))


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    described["description"] = f"Takes the {operation.role} role." if operation.role else "Takes no token."
    described["security"] = _security(operation)
    if found := [*_path(operation), *_query(operation.query, schemas), *_headers(operation)]:
        described["parameters"] = found
    if operation.body is not None:
        content = {"application/json": {"schema": schemas.of(operation.body, "validation")}}
        described["requestBody"] = {"required": True, "content": content}
    elif operation.schemes:
        described["requestBody"] = {"content": {"*/*": {"schema": {}}}}
    problem = schemas.of(ProblemDetails, "serialization")
    answers = {status: _answer(status, types, schemas) for status, types in operation.answers.items()}
    answers |= {status: _said(status, {MEDIA_TYPE: {"schema": problem}}) for status in statuses(operation)}
    described["responses"] = {str(status): answers[status] for status in sorted(answers)}
    return described


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.schemes:
        return [{name: []} for name in operation.schemes]
    return [{"token": []}] if operation.role is not None else []


def _path(operation: Operation) -> Iterable[dict[str, Any]]:
    if "{name}" in operation.path:
        schema = {"type": "string", "minLength": 1}
        yield {"name": "name", "in": "path", "required": True, "schema": schema, "description": "The target's name."}


def _query(model: type[BaseModel] | None, schemas: Schemas) -> Iterable[dict[str, Any]]:
    if model is None:
        return
    made = model.model_json_schema(ref_template=f"{REF}{{model}}", schema_generator=_Untitled)
    for name, schema in made["properties"].items():
        required = name in made.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": _without_null(schema)}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter can be left out, and never be null."""
    rest = {name: part for name, part in schema.items() if part is not None}
    choices = [one for one in rest.pop("anyOf", ()) if one != {"type": "null"}]
    return {**choices[0], **rest} if choices else rest


def _headers(operation: Operation) -> Iterable[dict[str, Any]]:
    for name, words in operation.headers.items():
        yield {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}


def _answer(status: int, types: Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    text = {"type": "string"}
    content = {
        media_type: {"schema": text if model is None else schemas.of(model, "serialization")}
        for media_type, model in types.items()
    }
    return _said(status, content)


def _said(status: int, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "content": content}


def _plan_parts() -> Iterable[tuple[str, Any]]:
    """The published schema of plan documents, its parts under names that can't be taken for another's."""
    parts = plan_schema()["$defs"]
    names = {name: name if name == "Plan" else PLAN_PARTS + name for name in parts}
    needed, left = set[str](), ["Plan"]
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += _refs(parts[name])
    for name in needed:
        yield names[name], _renamed(parts[name], names)


def _linked(schema: Any) -> Any:
    """The schema with references to what is described elsewhere."""
    if isinstance(schema, dict):
        if isinstance(name := schema.get(ELSEWHERE), str):
            return {"$ref": REF + name}
        return {key: _linked(part) for key, part in schema.items()}
    return [_linked(part) for part in schema] if isinstance(schema, list) else schema


def _refs(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return own + [name for part in schema.values() for name in _refs(part)]
    return [name for part in schema for name in _refs(part)] if isinstance(schema, list) else []


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        made = {key: _renamed(part, names) for key, part in schema.items()}
        return made | {"$ref": REF + names[ref.rpartition("/")[2]]} if isinstance(ref, str) else made
    return [_renamed(part, names) for part in schema] if isinstance(schema, list) else schema
