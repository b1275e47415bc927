"""From live objects to documents: YAML that the strict loader reads back as the very same values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from reconciler.secret import SecretRef
from reconciler.systems.base import Kind, System

_PLAIN = re.compile(r"^[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9_./-]$")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

Named = Sequence[tuple[str, Mapping[str, Any]]]
"""(metadata.name, spec) pairs; a ``SecretRef`` in a spec stands for a secret whose name is made up here."""


class _Dumper(yaml.SafeDumper):
    """Block style, lists indented, texts quoted whenever a reader might take them for something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    plain = _PLAIN.match(value) and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def to_yaml(system: System, kind: Kind, named: Named) -> tuple[str, list[str]]:
    """One file with all documents of a kind, and the names of the secrets that it needs."""
    secrets: list[str] = []
    documents = [
        {
            "apiVersion": system.api_version,
            "kind": kind.name,
            "metadata": {"name": name},
            "spec": _plain(spec, name, secrets),
        }
        for name, spec in named
    ]
    text = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text, secrets


def _plain(value: Any, name: str, secrets: list[str]) -> Any:
    if isinstance(value, SecretRef):
        made = secret_of(name, value.name)
        secrets.append(made)
        return {"secret": made}
    if isinstance(value, Mapping):
        return {str(key): _plain(part, name, secrets) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, name, secrets) for part in value]
    return value


def secret_of(name: str, field: str) -> str:
    """A secret's name for an object's field: ``alice``, ``password`` → ``alice-password``."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{field}".lower()).strip("-") or "secret"
