"""``reconciler state``: what is remembered, and its safekeeping. Losing it loses no live object."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.options import lock_option, output_option, takes_where
from reconciler.errors import InputError
from reconciler.memory import Owned
from reconciler.opening import keyring_of, open_store
from reconciler.settings import Target, Where
from reconciler.store import restore as put_back
from reconciler.store import shown


@click.group("state")
def command() -> None:
    """List, back up or restore what is remembered."""


@command.command("list")
@takes_where
@output_option("text", "json")
def list_owned(where: Where, output: str) -> int:
    """The objects that are ours."""
    owned = finish(_owned(the_target(where)))
    if output == "json":
        click.echo(json.dumps([_as_json(one) for one in owned], indent=2))
        return 0
    for one in owned:
        marks = [mark for mark, there in (("adopted", one.adopted), ("prune: disabled", one.keep)) if there]
        click.echo(f"{one.kind}/{one.name}  id {one.id or '-'}" + (f"  ({', '.join(marks)})" if marks else ""))
    click.echo(f"{len(owned)} object{'' if len(owned) == 1 else 's'}.")
    return 0


@command.command("init", short_help="Make the state, which owns nothing yet.")
@takes_where
@lock_option
def init(where: Where, lock_timeout: float) -> int:
    """Make the state, which owns nothing yet, so that the very first plan can be saved, reviewed and applied."""
    target = the_target(where)

    async def run() -> str:
        store = open_store(target, writes=True, lock_timeout=lock_timeout)
        assert store is not None
        try:
            return f"The state {shown(target.state)} is there (lineage {store.lineage})."
        finally:
            await store.close()

    click.echo(finish(run()))
    return 0


@command.command("backup", short_help="Copy the database to a file.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@takes_where
def backup(file: Path, where: Where) -> int:
    """Copy the database to FILE, also while another process writes to it. The fingerprint key isn't in it."""
    target = the_target(where)

    async def run() -> None:
        store = open_store(target, writes=False)
        if store is None:
            raise InputError("there is no state to back up yet")
        try:
            store.backup(file)
        finally:
            await store.close()

    finish(run())
    click.echo(f"Backed up to {file}. Keep the fingerprint key too: without it nothing in there is believed.")
    return 0


@command.command("restore", short_help="Put a backup in the place of the database.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@takes_where
@lock_option
@click.option("--other-target", is_flag=True, help="Take a backup of another target, or of another URL, all the same.")
def restore(file: Path, where: Where, lock_timeout: float, other_target: bool) -> int:
    """Put a backup in the place of the database, which is kept beside it as .bak."""
    target = the_target(where)
    put_back(
        target.state,
        target.name,
        target.url,
        file,
        keyring_of(target),
        other_target=other_target,
        lock_timeout=lock_timeout,
    )
    click.echo(f"Restored from {file}.")
    return 0


async def _owned(target: Target) -> list[Owned]:
    store = open_store(target, writes=False)
    if store is None:
        return []
    try:
        return sorted(store.memory(time.time()).owned.values(), key=lambda one: (one.kind, one.name))
    finally:
        await store.close()


def _as_json(one: Owned) -> dict[str, object]:
    return {
        "kind": one.kind,
        "name": one.name,
        "identity": list(one.identity),
        "id": one.id,
        "document": one.document,
        "adopted": one.adopted,
        "prune": "disabled" if one.keep else "enabled",
    }
