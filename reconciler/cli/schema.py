"""``reconciler schema [KIND]``: the JSON Schema that editors check the desired state with."""

from __future__ import annotations

import json

import click

from reconciler.errors import InputError
from reconciler.load.suggest import suggest
from reconciler.schema import kind_schema, system_schema
from reconciler.systems.registry import default_system


@click.command("schema")
@click.argument("kind", required=False)
def command(kind: str | None) -> int:
    """Print the JSON Schema of one KIND, or of all of them in one."""
    system = default_system()
    if kind is None:
        schema = system_schema(system)
    elif kind in system.kinds:
        schema = kind_schema(system, system.kinds[kind])
    else:
        known = ", ".join(sorted(system.kinds))
        raise InputError(f"there is no kind {kind!r}.{suggest(kind, system.kinds)}", remedy=f"kinds: {known}")
    click.echo(json.dumps(schema, indent=2))
    return 0
