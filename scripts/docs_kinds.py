"""docs/kinds: a page for each kind, from its model and code, the examples and docs/_source/kinds.yaml."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reconciler.load import load
from reconciler.model import Desired, SourceFile
from reconciler.schema import kind_schema
from reconciler.secret import Seal
from reconciler.systems.base import Kind, System
from reconciler.systems.registry import systems
from reconciler.validate import validate
from scripts.docs_rules import anchor, rules_of
from scripts.docs_text import ROOT, Gap, agree, bullets, code, file_of, page, prose, section, source, table

EXAMPLES = {"metadefender": "desired-state"}
"""The folder under examples/ of a system that isn't called as its folder is."""

EMULATOR = ROOT / "reconciler" / "emulator"
NAMES = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`", "number": "number"}


def kind_pages() -> dict[str, str]:
    """Path → text for every kind and for the list of them."""
    written = source("kinds.yaml")
    every = {name: kind for system in systems().values() for name, kind in system.kinds.items()}
    agree("docs/_source/kinds.yaml", every, written["kinds"])
    pages = {"docs/kinds/index.md": _index(written)}
    for system in systems().values():
        desired, operations = examples(system), operations_of(system)
        for name, kind in system.kinds.items():
            text = _page(system, kind, written["kinds"][name], desired, operations[name])
            pages[f"docs/kinds/{file_of(name)}"] = text
    return pages


def _page(system: System, kind: Kind, written: Mapping[str, Any], desired: Desired, operations: list[str]) -> str:
    return page(
        kind.name,
        "its code, the examples and docs/_source/kinds.yaml",
        f"{kind.summary} `apiVersion: {system.api_version}`, `kind: {kind.name}`.",
        section("Identity", written["identity"] + "\n\n" + _standing(kind)),
        section("Fields of `spec`", f"{prose(kind.spec.__doc__)}\n\n{_fields(system, kind, written)}"),
        section("What it refers to", _references(kind, written, desired)),
        section("Good to know", bullets(written.get("notes", ()))),
        section("Example", _example(system, kind.name)),
        section("Rules", bullets(map(anchor, rules_of(kind.name)))),
        section("API operations", _operations(system, operations)),
    )


def _standing(kind: Kind) -> str:
    if kind.singleton:
        return "There is one a target, always. Removing its document stops managing it; it stays as it is."
    if kind.one_way:
        return "Two documents that ask for the same one are an error. What is remembered counts; nothing can be read."
    return "Two documents with one identity are an error. An id alone never identifies."


# --- fields


def _fields(system: System, kind: Kind, written: Mapping[str, Any]) -> str:
    schema = kind_schema(system, kind)
    fields = dict(flattened(schema["properties"]["spec"], schema.get("$defs", {})))
    agree(f"docs/_source/kinds.yaml, {kind.name}", fields, written["fields"])
    rows = [
        (code(name), type_of(one, schema.get("$defs", {})), _required(one, required), *_meaning(kind, name, written))
        for name, (one, required) in fields.items()
    ]
    return table(("field", "type", "required", "meaning", "a change", "read back"), rows)


def flattened(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each field of a spec, those of nested models as ``outer.inner``: name → (its schema, whether it is required)."""
    for name, field in schema["properties"].items():
        inner = _resolved(field, definitions)
        if "properties" in inner and "secret" not in inner["properties"]:
            yield from flattened(inner, definitions, f"{prefix}{name}.")
        else:
            yield prefix + name, (field, name in schema.get("required", ()))


def type_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema type in words."""
    schema = _resolved(schema, definitions)
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if "properties" in schema:
        return "`{secret: NAME}`"
    if "anyOf" in schema:
        duration = any(str(one.get("pattern", "")).endswith("(ms|s|m|h|d|w)$") for one in schema["anyOf"])
        if duration:
            return "whole number, or a duration"
        return ", or ".join(type_of(one, definitions) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'], definitions)}s"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties", {})
        values = [*schema.get("patternProperties", {}).values()] or [inner]
        return f"map of text to {type_of(values[0], definitions)}"
    return NAMES[schema["type"]] + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return ""
    return f", {low} to {high}" if high is not None else f", at least {low}"


def _required(schema: Mapping[str, Any], required: bool) -> str:
    default = f"no (`{schema['default']}`)" if schema.get("default") is not None else "no"
    return "yes" if required else default


def _meaning(kind: Kind, name: str, written: Mapping[str, Any]) -> tuple[str, str, str]:
    one = written["fields"][name]
    told = one if isinstance(one, str) else one["says"]
    more = {} if isinstance(one, str) else one
    return told, more.get("change", _change(kind, name)), _read_back(kind, name, written)


def _change(kind: Kind, name: str) -> str:
    if kind.updates(name.split(".", maxsplit=1)[0]):
        return "in place"
    allowed = "; needs `--allow replace`" if kind.replace_rule else ""
    return f"replaces the {kind.name}{allowed}"


def _read_back(kind: Kind, name: str, written: Mapping[str, Any]) -> str:
    if name in kind.unread:
        return "no"
    if name in kind.sealed:
        return "as a fingerprint"
    one = written["fields"][name]
    default: str = written.get("read", "yes")
    return default if isinstance(one, str) else one.get("read", default)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Mapping[str, Any] = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        return found
    return schema


# --- examples


def folder_of(system: System) -> Path:
    """Where the examples of a system lie."""
    return ROOT / "examples" / EXAMPLES.get(system.name, system.name)


def examples(system: System) -> Desired:
    """The example tree, loaded and validated."""
    files = tuple(SourceFile(path.name, path.read_bytes()) for path in sorted(folder_of(system).glob("*.yaml")))
    documents, problems = load(files)
    desired, more = validate(documents, system)
    if problems or more:
        raise Gap(f"the examples don't validate: {[*problems, *more][0]}")
    return desired


def _example(system: System, kind: str) -> str:
    folder = folder_of(system)
    for path in sorted(folder.glob("*.yaml")):
        for text in re.split(r"^---\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if yaml.safe_load(text)["kind"] == kind:
                plain = "\n".join(line for line in text.splitlines() if not line.startswith("# yaml-language-server"))
                shown = f"../../examples/{folder.name}/{path.name}"
                return f"From [{path.name}]({shown}):\n\n```yaml\n{plain.strip()}\n```"
    raise Gap(f"no example of {kind} in examples/{folder.name}")


def _references(kind: Kind, written: Mapping[str, Any], desired: Desired) -> str:
    found = {
        (".".join(str(part) for part in one.path if isinstance(part, str)), one.kind)
        for resource in desired.of(kind.name)
        for one in resource.references
    }
    named = [
        f"`{path}` names {_a(other)} [{other}]({file_of(other)}), declared or live." for path, other in sorted(found)
    ]
    return bullets([*named, *written.get("refers", ())]) or "Nothing."


def _a(word: str) -> str:
    return "an" if word[0] in "AEIOU" else "a"


# --- operations


def operations_of(system: System) -> dict[str, list[str]]:
    """The operations of each kind's page: those that read its collections, and those that its docstrings name."""
    known = known_operations(system)
    found: dict[str, list[str]] = {}
    for name, kind in system.kinds.items():
        reads = [operation_that_reads(system, collection) for collection in kind.reads]
        patterns = re.findall(r"``([a-z]\w*(?:…\w+)?)``", inspect.getsource(inspect.getmodule(kind) or kind.__class__))
        named = [id for one in patterns for id in known if re.fullmatch(one.replace("…", r"[A-Z]\w*"), id)]
        found[name] = list(dict.fromkeys([*reads, *(id for id in known if id in named)]))
    return found


def operation_that_reads(system: System, collection: str) -> str:
    """The operation of a collection's first request, told by starting its flow."""
    flow = system.collections[collection].fetch(Seal("docs"))
    try:
        return next(flow).operation
    finally:
        flow.close()


def known_operations(system: System) -> dict[str, tuple[str, str, Mapping[str, Any]]]:
    """Every operation of the system's OpenAPI document: id → method, path, the operation."""
    own = EMULATOR / system.name / "openapi.yaml"
    document = own if own.is_file() else EMULATOR / "openapi.yaml"
    paths = yaml.safe_load(document.read_text(encoding="utf-8"))["paths"]
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and "operationId" in operation
    }


def _operations(system: System, ids: list[str]) -> str:
    known = known_operations(system)
    rows = []
    for id in ids:
        method, path, operation = known[id]
        note = " Not in the vendor's reference: it may be absent." if operation.get("x-undocumented") else ""
        rows.append((code(id), code(f"{method} {path}"), operation["summary"] + note))
    return table(("operation", "request", "what for"), rows)


def _index(written: Mapping[str, Any]) -> str:
    parts = []
    for system in systems().values():
        rows = [(f"[{name}]({file_of(name)})", kind.summary) for name, kind in system.kinds.items()]
        title = f"{system.title} ({code(system.api_version)})"
        parts.append(section(title, table(("kind", "what it is"), rows)))
    return page("Kinds", "the code and docs/_source/kinds.yaml", written["intro"], *parts, written["more"])
