"""The published JSON Schema of plan documents, and reading a saved one back without trusting it.

The schema is the only description of the format. The check here knows the few keywords that it uses,
so that running needs no JSON Schema library; a test holds it against one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from reconciler.errors import InputError
from reconciler.render.json import API_VERSION
from reconciler.render.words import clipped, count, safe

MOST_PROBLEMS = 5
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@cache
def schema_bytes() -> bytes:
    """The schema as it is published."""
    return files("reconciler.render").joinpath("plan.schema.json").read_bytes()


def schema() -> dict[str, Any]:
    """The schema as data; each caller gets its own."""
    found: dict[str, Any] = orjson.loads(schema_bytes())
    return found


def load_plan(text: str | bytes) -> dict[str, Any]:
    """A saved ``Plan`` (or a ``PlanList`` of them) as data. Raises InputError, with all that is wrong with it."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the plan file is not JSON: {error}", remedy="write it with plan --out FILE") from None
    _refuse_others(document)
    found = list(problems(document, document["kind"]))
    if found:
        more = f"; and {count(len(found) - MOST_PROBLEMS, 'more problem')}" if len(found) > MOST_PROBLEMS else ""
        message = f"the plan file is malformed: {'; '.join(found[:MOST_PROBLEMS])}{more}"
        raise InputError(message, remedy="write it anew with plan --out FILE")
    plan: dict[str, Any] = document
    return plan


def _refuse_others(document: Any) -> None:
    if not isinstance(document, dict) or not {"apiVersion", "kind"} <= document.keys():
        raise InputError("the plan file is not a plan: it has no apiVersion and kind")
    if document["apiVersion"] != API_VERSION:
        raise InputError(f"the plan file is of another version: {_brief(document['apiVersion'])}, not {API_VERSION}")
    items = document.get("items")
    kinds = [document["kind"]]
    kinds += [item.get("kind") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if document["kind"] not in ("Plan", "PlanList") or "Report" in kinds:
        other = "Report" if "Report" in kinds else document["kind"]
        raise InputError(f"the plan file holds a {_brief(other)}, not a Plan")


def problems(document: Any, definition: str) -> Iterator[str]:
    """What keeps the document from being what the schema calls ``definition``; nothing when it is."""
    defs = schema()["$defs"]
    yield from _check(document, defs[definition], defs, "")


def _check(value: Any, rule: Mapping[str, Any], defs: Mapping[str, Any], place: str) -> Iterator[str]:
    if "$ref" in rule:
        yield from _check(value, defs[rule["$ref"].rpartition("/")[2]], defs, place)
    if "oneOf" in rule:
        yield from _one_of(value, rule["oneOf"], defs, place)
    if not _has_type(value, rule.get("type", [])):
        yield f"{place or '/'} is not {_either(rule['type'])}"
        return
    yield from _scalar(value, rule, place)
    if isinstance(value, dict) and ("properties" in rule or "additionalProperties" in rule):
        yield from _object(value, rule, defs, place)
    if isinstance(value, list) and "items" in rule:
        for number, part in enumerate(value):
            yield from _check(part, rule["items"], defs, f"{place}/{number}")


def _scalar(value: Any, rule: Mapping[str, Any], place: str) -> Iterator[str]:
    allowed = [rule["const"]] if "const" in rule else rule.get("enum")
    if allowed is not None and value not in allowed:
        yield f"{place or '/'} is {_brief(value)}, not {_either(allowed)}"
    if "pattern" in rule and not re.search(rule["pattern"], value):
        yield f"{place} is {_brief(value)}, which doesn't look like one"
    if "minimum" in rule and value < rule["minimum"]:
        yield f"{place} is less than {rule['minimum']}"


def _object(value: dict[str, Any], rule: Mapping[str, Any], defs: Mapping[str, Any], place: str) -> Iterator[str]:
    known, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    yield from (f"{place}/{name} is missing" for name in rule.get("required", ()) if name not in value)
    for name, part in value.items():
        where = f"{place}/{_brief(name)}"
        if name in known:
            yield from _check(part, known[name], defs, where)
        elif others is False:
            yield f"{where} is not known"
        elif others is not True:
            yield from _check(part, others, defs, where)


def _one_of(value: Any, choices: list[Any], defs: Mapping[str, Any], place: str) -> Iterator[str]:
    found = [list(_check(value, choice, defs, place)) for choice in choices]
    if all(found):
        yield from min(found, key=len)


def _has_type(value: Any, names: str | list[str]) -> bool:
    wanted = [names] if isinstance(names, str) else names
    if isinstance(value, bool):
        return not wanted or "boolean" in wanted
    return not wanted or any(isinstance(value, _TYPES[name]) for name in wanted)


def _either(names: Any) -> str:
    return " or ".join([names] if isinstance(names, str) else [str(name) for name in names])


def _brief(value: Any) -> str:
    return clipped(safe(str(value)), 60)
