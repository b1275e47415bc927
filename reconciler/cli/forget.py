"""``reconciler forget KIND NAME``: give an object up without deleting it. Asks the target nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.common import finish, the_target
from reconciler.cli.options import lock_option, refuse_beside_server, takes_place
from reconciler.cli.orders import writing
from reconciler.orders import forget
from reconciler.settings import Target, Where

if TYPE_CHECKING:
    from reconciler.remote import Server


@click.command("forget")
@click.argument("kind")
@click.argument("name")
@lock_option
@takes_place
def command(kind: str, name: str, lock_timeout: float, where: Where, server: Server | None) -> int:
    """Stop owning an object: it stays as it is, and is never deleted or replaced any more."""
    if server is not None:
        refuse_beside_server(**{"--lock-timeout": lock_timeout})
        count = finish(_there(server, where.target, kind, name))
    else:
        count = finish(_forget(the_target(where), kind, name, lock_timeout))
    click.echo(f"Forgot {kind}/{name}" + (f" ({count} objects)." if count > 1 else "."))
    return 0


async def _forget(target: Target, kind: str, name: str, lock_timeout: float) -> int:
    async with writing(target, lock_timeout) as store:
        return await forget(store, kind, name)


async def _there(server: Server, names: tuple[str, ...], kind: str, name: str) -> int:
    from reconciler.remote import connected

    async with connected(server) as remote:
        await remote.forget(await remote.only(names), kind, name)
    return 1
