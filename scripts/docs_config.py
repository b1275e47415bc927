"""docs/configuration.md: every field of the configuration file, from its models and docs/_source/configuration.md."""

from __future__ import annotations

from typing import Any

from reconciler.config import ConfigFile
from reconciler.systems.registry import systems
from scripts.docs_kinds import type_of
from scripts.docs_text import agree, code, fragment, page, table

FIELDS, DAEMON, CREDENTIALS = "<!-- fields -->", "<!-- daemon -->", "<!-- credentials -->"


def config_pages() -> dict[str, str]:
    """Path → text of the one page."""
    head, text = fragment("configuration.md")
    schema = ConfigFile.model_json_schema()
    fields = dict(_fields(schema, schema["$defs"], ""))
    agree("docs/_source/configuration.md", fields, head["fields"])
    rows = [(name.startswith("daemon."), (code(name), *fields[name], head["fields"][name])) for name in fields]
    columns = ("field", "type", "required", "meaning")
    tables = {
        FIELDS: table(columns, [row for of_daemon, row in rows if not of_daemon]),
        DAEMON: table(columns, [row for of_daemon, row in rows if of_daemon]),
        CREDENTIALS: table(("system", "`system`", "credentials"), _credentials()),
    }
    for mark, made in tables.items():
        text = text.replace(mark, made)
    made_from = "reconciler/config and docs/_source/configuration.md"
    return {"docs/configuration.md": page("Configuration", made_from, text)}


def _fields(schema: Any, definitions: Any, prefix: str) -> list[tuple[str, tuple[str, str]]]:
    """Each field with its type and whether it is required; those of nested models, optional ones too, below them."""
    found = []
    for name, field in schema["properties"].items():
        inner = _model(field, definitions)
        if inner is None:
            required = "yes" if name in schema.get("required", ()) else _default(field)
            found.append((prefix + name, (_type(field, definitions), required)))
        else:
            found += _fields(inner, definitions, f"{prefix}{name}{'[]' if field.get('type') == 'array' else ''}.")
    return found


def _model(field: Any, definitions: Any) -> Any:
    """The model that a field is, that it may be, or that it lists; None where it is none."""
    parts = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    inner = parts[0] if len(parts) == 1 else field.get("items", field)
    reference = inner.get("$ref") if isinstance(inner, dict) else None
    return definitions[reference.rsplit("/", 1)[-1]] if reference else None


def _type(field: Any, definitions: Any) -> str:
    """A field's type in words; that it may be left out is told in a column of its own."""
    if "const" in field:
        return code(field["const"])
    choices = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    if any(str(one.get("pattern", "")).endswith("(ms|s|m|h|d|w)$") for one in choices):
        return "seconds, or a duration"
    if choices:
        return ", or ".join(_type(one, definitions) for one in choices)
    if "enum" in field.get("items", {}):
        return f"list of {' and '.join(map(code, field['items']['enum']))}"
    if field.get("type") == "object":
        return "map of text to text"
    return type_of(field, definitions)


def _default(field: Any) -> str:
    default = field.get("default")
    if isinstance(default, bool):
        default = str(default).lower()
    elif isinstance(default, float):
        default = f"{default:g}"
    return "no" if default is None else f"no ({code(default)})"


def _credentials() -> list[tuple[str, str, str]]:
    sets = [
        (system, ", or ".join(" and ".join(map(code, one)) for one in system.credentials))
        for system in systems().values()
    ]
    return [(system.title, code(system.name), words) for system, words in sets]
