"""``reconciler forget KIND NAME``: give an object up without deleting it. Asks the target nothing."""

from __future__ import annotations

import time

import click

from reconciler.cli.options import takes_where
from reconciler.cli.run import finish, the_target
from reconciler.errors import InputError
from reconciler.load.suggest import suggest
from reconciler.opening import open_store
from reconciler.settings import Target, Where


@click.command("forget")
@click.argument("kind")
@click.argument("name")
@click.option("--lock-timeout", type=float, default=0.0, help="Seconds to wait for another writer of the state.")
@takes_where
def command(kind: str, name: str, lock_timeout: float, where: Where) -> int:
    """Stop owning an object: it stays as it is, and is never deleted or replaced any more."""
    count = finish(_forget(the_target(where), kind, name, lock_timeout))
    click.echo(f"Forgot {kind}/{name}" + (f" ({count} objects)." if count > 1 else "."))
    return 0


async def _forget(target: Target, kind: str, name: str, lock_timeout: float) -> int:
    store = open_store(target, writes=True, lock_timeout=lock_timeout)
    assert store is not None
    try:
        owned = [one for one in store.memory(time.time()).owned.values() if one.kind == kind]
        found = [one for one in owned if name in (one.name, one.document)]
        if not found:
            raise InputError(f"{kind}/{name} isn't ours.{suggest(name, [one.name for one in owned])}")
        for one in found:
            await store.disown(*one.key)
        return len(found)
    finally:
        await store.close()
