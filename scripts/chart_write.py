"""Writes the table of helm/README.md and the configuration's part of helm/values.schema.json. Or only checks them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, cast

import yaml

from reconciler.config.models import ConfigFile
from scripts import generated
from scripts.docs_text import ROOT, Gap, code, table

CHART = ROOT / "helm"
BEGIN = "<!-- Written by scripts/chart from values.yaml and values.schema.json. Change those, not this. -->"
END = "<!-- So far. -->"

OURS = {
    "ConfigFile": {"apiVersion", "kind", "state", "secrets_dir"},
    "DaemonConfig": {"listen", "replica", "source"},
    "GitConfig": {"mirror"},
}
"""Fields of the configuration that the chart sets itself, by their model."""

EMPTY = {"GitConfig", "ConfigFile"}
"""Models whose optional texts may be empty in values.yaml, which means left out."""

Json = dict[str, Any]


def wanted() -> dict[str, str]:
    """Every generated file: its path under the repository, and its text. Raises Gap."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    schema["$defs"] = definitions()
    return {
        "helm/values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        "helm/README.md": readme((CHART / "README.md").read_text(encoding="utf-8"), schema),
    }


def definitions() -> Json:
    """The configuration's models as values of the chart: without what the chart sets itself."""
    whole = ConfigFile.model_json_schema()
    models = whole.pop("$defs") | {"ConfigFile": whole}
    del models["SourceConfig"]
    return {name: _values(name, cast("Json", _bare(models[name]))) for name in sorted(models)}


def readme(text: str, schema: Json) -> str:
    """The chart's README with the table anew. Raises Gap where a value has no comment or no schema."""
    before, found, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise Gap(f"helm/README.md: between which lines does the table stand? It needs {BEGIN!r} and {END!r}")
    rows = [
        (code(path), _type(part), f"`{json.dumps(value, ensure_ascii=False)}`", comment)
        for path, part, value, comment in values(schema)
    ]
    return f"{before}{BEGIN}\n\n{table(('value', 'type', 'default', 'meaning'), rows)}\n\n{END}{after}"


def values(schema: Json) -> Iterator[tuple[str, Json, Any, str]]:
    """Each documented value: its path, its schema, its default and its comment. Raises Gap."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    yield from _walk("", node, schema, schema, text.splitlines())


def _walk(prefix: str, node: yaml.MappingNode, part: Json, schema: Json, lines: list[str]) -> Iterator[Any]:
    known = dict(part.get("properties", {}))
    known.pop("global", None)
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        if key.value not in known:
            raise Gap(f"{path}: it stands in values.yaml, and not in values.schema.json")
        below = _resolved(known.pop(key.value), schema)
        comment = _comment(lines, key.start_mark)
        if _is_section(value, lines):
            yield from _walk(f"{path}.", value, below, schema, lines)
        elif not comment:
            raise Gap(f"{path}: values.yaml has no comment above it")
        else:
            yield path, below, yaml.safe_load(yaml.serialize(value)), comment
    if known:
        raise Gap(f"{prefix}{min(known)}: it stands in values.schema.json, and not in values.yaml")


def _is_section(node: yaml.Node, lines: list[str]) -> bool:
    """Whether the comments stand at the keys inside."""
    return isinstance(node, yaml.MappingNode) and any(_comment(lines, key.start_mark) for key, _ in node.value)


def _comment(lines: list[str], mark: yaml.Mark) -> str:
    """What is written right above a key, at the same indentation; empty for a key inside a line."""
    if lines[mark.line][: mark.column].strip():
        return ""
    start = mark.line
    while start and lines[start - 1].startswith(f"{' ' * mark.column}# "):
        start -= 1
    return " ".join(text.strip().removeprefix("# ") for text in lines[start : mark.line])


def _resolved(part: Json, schema: Json) -> Json:
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def _type(part: Json) -> str:
    if "enum" in part:
        return "text"
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_type(one) for one in part["anyOf"]))
    words = {"string": "text", "object": "map", "array": "list", "boolean": "true or false"}
    words |= {"integer": "whole number", "number": "number"}
    return words[part.get("type", "string")]


def _values(name: str, model: Json) -> Json:
    properties = {field: one for field, one in model["properties"].items() if field not in OURS.get(name, ())}
    if name in EMPTY:
        properties = {field: _or_empty(one) for field, one in properties.items()}
    required = [] if name == "GitConfig" else [one for one in model.get("required", []) if one in properties]
    return {"type": "object", "additionalProperties": False, "properties": properties} | (
        {"required": required} if required else {}
    )


def _or_empty(part: Json) -> Json:
    if part.get("anyOf", [{}])[-1] == {"type": "null"}:
        return {"anyOf": [*part["anyOf"][:-1], {"type": "string", "const": ""}]}
    return (
        {"type": "string", "maxLength": part["maxLength"]} if part.get("minLength") and "pattern" not in part else part
    )


def _bare(part: Any) -> Any:
    """Without the words for readers, which repeat the names; numbers as Helm knows them."""
    if isinstance(part, list):
        return [_bare(one) for one in part]
    if not isinstance(part, dict):
        return part
    out = {}
    for key, value in part.items():
        if key == "properties":
            out[key] = {name: _bare(one) for name, one in value.items()}
        elif key not in ("title", "description", "default"):
            out[key] = _bare(value)
    return out


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` compare. The exit code."""
    return generated.run("scripts/chart", "the chart doesn't fit", wanted, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
