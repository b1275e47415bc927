"""One spec against its pydantic model, with problems in our words: pydantic's echo what was given, ours never do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from reconciler.load import place
from reconciler.load.suggest import suggest
from reconciler.model import Document, Path, Problem
from reconciler.systems.base import Spec

NOT_VALID = object()

SENTENCES = {
    "string_type": "expected a text; put it in quotes if it looks like something else",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "float_type": "expected a number",
    "dict_type": "expected a map (name: value)",
    "model_type": "expected a map (name: value)",
    "model_attributes_type": "expected a map (name: value)",
    "list_type": "expected a list",
    "missing": "this field is required",
    "string_pattern_mismatch": "this text has characters, or a form, that the field doesn't take",
}
BOUNDS = {
    "string_too_short": ("min_length", "at least {} characters"),
    "string_too_long": ("max_length", "at most {} characters"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than_equal": ("le", "at most {}"),
    "greater_than": ("gt", "more than {}"),
    "less_than": ("lt", "less than {}"),
    "literal_error": ("expected", "one of {}"),
    "too_short": ("min_length", "at least {} entries"),
    "too_long": ("max_length", "at most {} entries"),
}


def check_spec(document: Document, model: type[Spec]) -> tuple[Any, list[Problem]]:
    """The spec as its model, or NOT_VALID with each problem at its place."""
    try:
        spec = model.model_validate(document.spec)
    except ValidationError as error:
        return NOT_VALID, list(_problems(document, model, error))
    _share(spec)
    return spec, []


_SETS: dict[frozenset[str], set[str]] = {}


def _share(spec: Spec) -> None:
    """Let all specs in which the same fields are given have one set of their names: it takes as much as the rest."""
    given = spec.model_fields_set
    object.__setattr__(spec, "__pydantic_fields_set__", _SETS.setdefault(frozenset(given), given))


def _problems(document: Document, model: type[Spec], error: ValidationError) -> Iterator[Problem]:
    seen: set[Path] = set()
    for one in error.errors(include_url=False, include_input=False):
        path = _path(document.spec, one["loc"])
        if path in seen and one["type"] != "missing":
            continue
        seen.add(path)
        yield _problem(document, model, path, one)


def _problem(document: Document, model: type[Spec], path: Path, one: Any) -> Problem:
    where: Path = ("spec", *path)
    if one["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        message = f"unknown field {str(path[-1])!r}.{suggest(str(path[-1]), known)}" if known else "unknown field"
        return Problem(place(document, where, key=True), message)
    if one["type"] == "missing":
        return Problem(place(document, where[:-1]), f"{_dotted(where)}: this field is required")
    return Problem(place(document, where), f"{_dotted(where)}: {sentence(one)}")


def sentence(one: Any) -> str:
    """One of pydantic's errors in our words, which hold nothing of what was given."""
    if one["type"] in BOUNDS:
        key, text = BOUNDS[one["type"]]
        return "expected " + text.format(one.get("ctx", {}).get(key, "what the schema says"))
    if one["type"] in SENTENCES:
        return SENTENCES[one["type"]]
    if one["type"] in ("secret", "duration"):
        return str(one["msg"])
    return "this isn't a value that the field takes"


def _path(spec: Any, loc: tuple[str | int, ...]) -> Path:
    """pydantic's place without the names of union members, which aren't in the document."""
    path: list[str | int] = []
    here = spec
    for part in loc:
        if isinstance(here, dict) and (part in here or part == loc[-1]) and not _is_member(part, here):
            path.append(part)
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            path.append(part)
            here = here[part]
    return tuple(path)


def _is_member(part: str | int, here: dict[str, Any]) -> bool:
    return isinstance(part, str) and part not in here and ("[" in part or part in ("str", "int", "bool"))


def _fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """The field names that a (nested) model takes."""
    here: Any = model
    for part in path:
        field = here.model_fields.get(str(part)) if isinstance(here, type) and issubclass(here, BaseModel) else None
        here = _model_in(field.annotation) if field else None
    return list(here.model_fields) if here else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_model_in(part) for part in getattr(annotation, "__args__", ())]
    return next((one for one in found if one), None)


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
