"""``reconciler schema [KIND]``: the JSON Schema that editors check the desired state with."""

from __future__ import annotations

import json
from typing import Any

import click

from reconciler.errors import InputError
from reconciler.load.suggest import suggest
from reconciler.schema import kind_schema, system_schema
from reconciler.systems.registry import default_system, system_named, systems


@click.command("schema")
@click.argument("kind", required=False)
@click.option("--system", metavar="NAME", help="All kinds of this system (without a KIND).")
def command(kind: str | None, system: str | None) -> int:
    """Print the JSON Schema of one KIND, or of all of a system's kinds in one."""
    meant = system_named(system) if system else default_system()
    click.echo(json.dumps(_of_kind(kind) if kind is not None else system_schema(meant), indent=2))
    return 0


def _of_kind(name: str) -> dict[str, Any]:
    kinds = {kind: system for system in systems().values() for kind in system.kinds}
    if name not in kinds:
        raise InputError(
            f"there is no kind {name!r}.{suggest(name, kinds)}", remedy=f"kinds: {', '.join(sorted(kinds))}"
        )
    return kind_schema(kinds[name], kinds[name].kinds[name])
